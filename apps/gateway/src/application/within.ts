/** Longest wait for the log to take a command. A client that hears nothing for longer gives up by itself. Milliseconds. */
export const LONGEST_COMMAND_MS = 4_500;

/** The promise's outcome, or the error when it takes longer; what it stands for goes on by itself then. */
export async function within<T>(milliseconds: number, promise: Promise<T>, error: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(error()), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
