/** What these tests take from the scripts; `build.d.mts` beside it gives it types. */
export { fingerprintOf } from '../../scripts/lib/build.mjs';
