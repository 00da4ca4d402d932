import { connect } from 'node:net';

export interface RawAnswer {
  status: number;
  headers: string;
  text: string;
  body: Record<string, unknown>;
}

/** Sends bytes as they are, for what no HTTP client would send, and reads the first answer: as far as its length says, and where it says none until the socket closes or is quiet. */
export function rawRequest(base: string, bytes: string | Uint8Array, quietMs = 300): Promise<RawAnswer> {
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    let seen = Buffer.alloc(0);
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    const done = () => {
      socket.destroy();
      const [head = '', text = ''] = seen.toString('utf8').split('\r\n\r\n', 2);
      const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0);
      const json = /content-type: application\/(problem\+)?json/i.test(head) && text !== '';
      resolve({ status, headers: head, text, body: (json ? JSON.parse(text) : {}) as Record<string, unknown> });
    };
    let timer = setTimeout(done, 60_000);
    socket.on('data', (chunk) => {
      seen = Buffer.concat([seen, chunk]);
      clearTimeout(timer);
      const end = seen.indexOf('\r\n\r\n');
      const length = end < 0 ? null : /^content-length: (\d+)$/im.exec(seen.toString('latin1', 0, end).replaceAll('\r', ''));
      if (length && seen.length >= end + 4 + Number(length[1])) return done();
      // What is told in pieces may come in pieces, with seconds between them on a busy machine.
      timer = setTimeout(done, length ? 60_000 : quietMs);
    });
    socket.on('close', () => {
      clearTimeout(timer);
      done();
    });
    socket.on('error', (error) => {
      if (seen.length > 0) return;
      clearTimeout(timer);
      reject(error);
    });
  });
}
