/** What of SVG 2 may stay: shapes, text, paint, clipping and plain filters. Names are of the SVG namespace. */

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

export const ELEMENTS = words(`
  svg g defs symbol use title desc path rect circle ellipse line polyline polygon text tspan textPath image style
  linearGradient radialGradient stop pattern clipPath mask marker filter
  feBlend feColorMatrix feComponentTransfer feComposite feDropShadow feFlood feFuncA feFuncB feFuncG feFuncR
  feGaussianBlur feMerge feMergeNode feOffset`);

/** Left out, but not what they hold: they add nothing to a picture that stands still and leads nowhere. */
export const UNWRAPPED = words('a switch');

/** Elements whose text is shown, read out, or style. */
export const WITH_TEXT = words('title desc text tspan textPath style');

/** Elements that may refer to another of the same document, by `#id`. */
export const REFERRING = words('use textPath linearGradient radialGradient pattern');

export const ATTRIBUTES = words(`
  id class style role lang transform viewBox preserveAspectRatio version width height x y x1 y1 x2 y2 cx cy r rx ry fx fy
  fr dx dy d points pathLength rotate textLength lengthAdjust startOffset method spacing side offset
  gradientUnits gradientTransform spreadMethod patternUnits patternContentUnits patternTransform
  clipPathUnits maskUnits maskContentUnits mask-type
  markerUnits markerWidth markerHeight refX refY orient filterUnits primitiveUnits
  in in2 result mode type values operator k1 k2 k3 k4 stdDeviation edgeMode tableValues slope intercept amplitude exponent
  alignment-baseline baseline-shift clip-path clip-rule color color-interpolation color-interpolation-filters
  direction display dominant-baseline fill fill-opacity fill-rule filter flood-color flood-opacity font-family font-size
  font-size-adjust font-stretch font-style font-variant font-weight image-rendering isolation letter-spacing
  marker-end marker-mid marker-start mask mix-blend-mode opacity overflow paint-order shape-rendering stop-color
  stop-opacity stroke stroke-dasharray stroke-dashoffset stroke-linecap stroke-linejoin stroke-miterlimit stroke-opacity
  stroke-width text-anchor text-decoration text-rendering transform-origin unicode-bidi vector-effect visibility
  white-space word-spacing writing-mode`);

/** Functions of CSS and of transform lists that load nothing. `url()` is looked at apart. */
export const FUNCTIONS = words(`
  matrix matrix3d translate translatex translatey translate3d scale scalex scaley scale3d rotate rotatex rotatey rotatez
  rotate3d skew skewx skewy perspective rgb rgba hsl hsla hwb lab lch oklab oklch color color-mix icc-color calc min max
  clamp var blur brightness contrast drop-shadow grayscale hue-rotate invert opacity saturate sepia
  not is where nth-child nth-of-type nth-last-child nth-last-of-type polygon circle ellipse inset path`);
