/** What a look at one thing has shown. */
export interface Finding {
  readonly level: 'ok' | 'warning' | 'problem';
  /** What was looked at, e.g. `queue generate`. */
  readonly subject: string;
  readonly message: string;
  /** What to do about it. */
  readonly todo?: string;
}

export const ok = (subject: string, message: string): Finding => ({ level: 'ok', subject, message });

export const warning = (subject: string, message: string, todo: string): Finding => ({
  level: 'warning',
  subject,
  message,
  todo,
});

export const problem = (subject: string, message: string, todo: string): Finding => ({
  level: 'problem',
  subject,
  message,
  todo,
});

/** A look that fails is a finding itself: the others go on. */
export async function look(
  subject: string,
  todo: string,
  at: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return await at();
  } catch (error) {
    const { message, cause } = error as Error;
    const why = cause instanceof Error && !message.includes(cause.message) ? `${message}: ${cause.message}` : message;
    return [problem(subject, why, todo)];
  }
}

export function seconds(value: number): string {
  if (value < 120) return `${Math.round(value)} s`;
  return value < 7_200 ? `${Math.round(value / 60)} min` : `${Math.round(value / 3_600)} h`;
}
