/** Waits until `condition` gives something true, and answers that; throws with the last error when it never does. */
export async function eventually<T>(
  condition: () => T | Promise<T>,
  { timeoutMs = 10_000, what = 'the condition' }: { timeoutMs?: number; what?: string } = {},
): Promise<NonNullable<T>> {
  const deadline = Date.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value;
      last = value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) {
      throw new Error(`Waited ${timeoutMs} ms in vain for ${what}; last: ${String(last)}`, { cause: last });
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
