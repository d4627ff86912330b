import { startFauxqs } from 'fauxqs';

/** The test server takes any key. */
export const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };

/** A real S3-compatible HTTP server on a free port; keeps its objects in memory and checks no signature. */
export async function startS3Server(bucket: string): Promise<{ endpoint: string; close: () => Promise<void> }> {
  const server = await startFauxqs({ port: 0, host: '127.0.0.1', logger: false });
  server.createBucket(bucket);
  return { endpoint: `http://127.0.0.1:${server.port}`, close: () => server.stop() };
}
