/** What the tests use of it. Its own types name their files without an extension, which TypeScript does not follow here. */
declare module 'dclint' {
  interface LintResult {
    readonly messages: readonly { readonly rule: string; readonly message: string }[];
  }
  export class DCLinter {
    constructor(config: { rules: object; quiet: boolean; debug: boolean; exclude: string[] });
    lintFiles(paths: string[], recursively: boolean): LintResult[];
  }
}
