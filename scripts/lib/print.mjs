/**
 * Prints a line with the name of what says it in front.
 *
 * @param {string} name
 * @param {string} line
 */
export function print(name, line) {
  process.stdout.write(`${name.padEnd(9)} | ${line}\n`);
}

/**
 * Prints an error for a user, who is helped by its message and not by a stack trace.
 *
 * @param {unknown} error
 */
export function printError(error) {
  process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
}
