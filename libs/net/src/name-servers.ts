import { Resolver } from 'node:dns/promises';
import type { ResolveAll } from './public-address.js';

/** Of a question, and how often it is asked. Milliseconds. */
const ANSWER_MS = 2_000;
const TRIES = 2;

/**
 * Resolves names by asking the machine's name servers, and nobody else: a name that somebody gave us is looked up in no
 * local file and in no search domain. Unlike `dns.lookup` it waits in no thread of the pool that files and images are
 * worked on in, which a few names without an answer would bring to a stop.
 * @param servers `address:port`; the machine's when left out
 */
export function askNameServers(servers?: readonly string[]): ResolveAll {
  const resolver = new Resolver({ timeout: ANSWER_MS, tries: TRIES });
  if (servers) resolver.setServers(servers);
  return (hostname, _options, callback) => {
    const questions = [
      resolver.resolve4(hostname).then((found) => found.map((address) => ({ address, family: 4 }))),
      resolver.resolve6(hostname).then((found) => found.map((address) => ({ address, family: 6 }))),
    ];
    void Promise.allSettled(questions).then((answers) => {
      const addresses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
      const failed = answers.find((answer) => answer.status === 'rejected');
      if (addresses.length > 0 || !failed) callback(null, addresses);
      else callback(failed.reason as NodeJS.ErrnoException, []);
    });
  };
}
