import { readFileSync } from 'node:fs';

/**
 * Stops a process and its children where they are: to others it is there, takes connections, and says nothing (Linux).
 * Answers how to let them go on.
 */
export function hang(pid: number): () => void {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  const signal = (name: 'SIGSTOP' | 'SIGCONT') => {
    for (const each of [pid, ...children]) {
      try {
        process.kill(each, name);
      } catch (error) {
        // A child may have ended meanwhile.
        if (each === pid || (error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
  };
  signal('SIGSTOP');
  return () => signal('SIGCONT');
}
