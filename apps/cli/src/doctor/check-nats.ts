import { ADVISORIES_STREAM, EVENTS_STREAM, inspectTopology, WORK_STREAM, type Broker } from '@darkroom/events';
import { ok, problem, warning, type Finding } from './finding.js';

/** Share of the space for streams. From the second on, appends are about to be refused. */
const [NEARLY_FULL, FULL] = [0.8, 0.95];

const bytes = new Intl.NumberFormat('en', { notation: 'compact', style: 'unit', unit: 'byte', unitDisplay: 'narrow' });

/** The server, its space, and whether streams, consumers and buckets are what this release makes them. */
export async function checkNats(broker: Broker): Promise<Finding[]> {
  const { version, server_name } = broker.connection.info!;
  return [
    ok('nats', `nats-server ${version} answers (${server_name})`),
    await checkSpace(broker),
    ...(await checkTopology(broker)),
    ...(await checkReplicas(broker)),
    await checkAdvisories(broker),
  ];
}

async function checkSpace({ manager }: Broker): Promise<Finding> {
  const { storage, limits } = await manager.getAccountInfo();
  const limit = limits.max_storage;
  if (limit <= 0) return ok('nats space', `${bytes.format(storage)} in streams; the account has no limit of its own`);
  const told = `${bytes.format(storage)} of ${bytes.format(limit)} for streams are used`;
  const todo = "raise the account's limit, or max_file_store of the server";
  if (storage > FULL * limit) return problem('nats space', told, todo);
  return storage > NEARLY_FULL * limit ? warning('nats space', told, todo) : ok('nats space', told);
}

async function checkTopology(broker: Broker): Promise<Finding[]> {
  const deviations = await inspectTopology(broker);
  if (deviations.length === 0) return [ok('nats streams', 'all streams, consumers and buckets are as they should be')];
  return deviations.map(({ name, kind, fields }) => {
    if (kind === 'newer') {
      return warning(`nats ${name}`, 'was made by a newer release', 'use the commands of that release');
    }
    const message = kind === 'missing' ? 'is missing' : `is otherwise than it should be: ${fields.join(', ')}`;
    return problem(`nats ${name}`, message, 'start a gateway or a worker of this release again: it mends it');
  });
}

async function checkReplicas({ manager }: Broker): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const name of [EVENTS_STREAM, WORK_STREAM]) {
    const { cluster } = await manager.streams.info(name);
    const away = (cluster?.replicas ?? []).filter(({ offline, current }) => offline === true || !current);
    if (away.length === 0) continue;
    const peers = away.map((peer) => peer.name).join(', ');
    found.push(warning(`nats stream ${name}`, `is not whole at ${peers}`, 'look at these servers'));
  }
  return found;
}

async function checkAdvisories({ manager }: Broker): Promise<Finding> {
  const { state } = await manager.streams.info(ADVISORIES_STREAM);
  if (state.messages === 0) return ok('poison messages', 'none waits to be failed');
  return problem(
    'poison messages',
    `${state.messages} pieces of work were given up and their generations not failed yet`,
    'start a worker with the role dispatch; its log says why if one runs',
  );
}
