import type { FastifyReply } from 'fastify';

/** Cuts the connection without an answer. */
export function resetConnection(reply: FastifyReply): void {
  reply.hijack();
  reply.raw.socket?.resetAndDestroy();
}

/** Answers whole bytes of half a text: HTTP is kept, JSON is not. */
export function sendHalf(reply: FastifyReply, status: number, body: object): void {
  const text = JSON.stringify(body);
  void reply
    .status(status)
    .type('application/json')
    .send(text.slice(0, text.length / 2));
}
