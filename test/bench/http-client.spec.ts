import { createServer, type Server, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type Server as TcpServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { HttpConnection, takeAnswer } from '../../bench/http-client.js';

const opened: { close(): void }[] = [];
afterEach(() => {
  for (const each of opened.splice(0)) each.close();
});

function listening(server: Server | TcpServer): Promise<string> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      opened.push(server);
      resolve(`http://127.0.0.1:${(server.address() as { port: number }).port}`);
    });
  });
}

async function connected(base: string): Promise<HttpConnection> {
  const connection = await HttpConnection.open(base);
  opened.push(connection);
  return connection;
}

/** A server that says these bytes to the first request, and does what `after` says. */
const saying = (bytes: string, after: (socket: Socket) => void = () => undefined) => listening(createTcpServer((socket) => {
  socket.on('error', () => undefined);
  socket.once('data', () => socket.write(bytes, () => after(socket)));
}));

const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;name=value\r\nhé\r\n\r\nA\r\n0123456789\r\n0\r\nX-Trailer: 1\r\n\r\n';

describe('an answer, taken from bytes', () => {
  it.each([
    ['a length in bytes, not characters', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhé', { status: 200, body: 'hé' }],
    ['a length of nothing', 'HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n', { status: 404, body: '' }],
    ['no body by its status', 'HTTP/1.1 204 No Content\r\n\r\n', { status: 204, body: '' }],
    ['chunks with extensions and trailers', CHUNKED, { status: 200, body: 'hé\r\n0123456789' }],
    ['chunks win over a length', `HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n`, { status: 200, body: 'x' }],
    ['an announcement before it', 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok', { status: 201, body: 'ok' }],
  ])('reads %s, wherever the bytes are cut', (_what, text, expected) => {
    const next = Buffer.from('HTTP/1.1 200 OK\r\n');
    const whole = Buffer.from(text);
    for (let cut = 0; cut < whole.length; cut++) expect(takeAnswer(whole.subarray(0, cut), false)).toBeNull();
    expect(takeAnswer(Buffer.concat([whole, next]), false)).toEqual({ answer: expected, rest: next });
  });

  it('is whole at the end of the connection when it names no length', () => {
    const bytes = Buffer.from('HTTP/1.1 200 OK\r\n\r\nall of it');
    expect(takeAnswer(bytes, false)).toBeNull();
    expect(takeAnswer(bytes, true)?.answer).toEqual({ status: 200, body: 'all of it' });
  });

  it.each([
    ['no status line', 'GET / HTTP/1.1\r\n\r\n'],
    ['a chunk without a size', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
    ['a chunk that goes on', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n'],
  ])('is refused for %s', (_what, text) => {
    expect(() => takeAnswer(Buffer.from(text), false)).toThrow();
  });
});

describe('a connection', () => {
  it('carries request after request over one socket, with lengths and with chunks', async () => {
    const sockets = new Set<unknown>();
    const seen: string[] = [];
    const base = await listening(createServer((request, reply: ServerResponse) => {
      sockets.add(request.socket);
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => (body += text)).on('end', () => {
        seen.push(`${request.method} ${request.url} ${request.headers['x-a']} ${body}`);
        // Without a length Node writes chunks, one for each write.
        if (request.method === 'POST') for (const part of [...body]) reply.write(part);
        reply.end(request.method === 'POST' ? undefined : `${seen.length}`);
      });
    }));
    const connection = await connected(base);
    expect(await connection.request('POST', '/a', 'x-a: 1\r\n', { 'ü': 1 })).toEqual({ status: 200, body: '{"ü":1}' });
    expect(await connection.request('GET', '/b?c=d', 'x-a: 2\r\n')).toEqual({ status: 200, body: '2' });
    expect(await connection.request('POST', '/e', 'x-a: 3\r\n', [])).toEqual({ status: 200, body: '[]' });
    expect(seen).toEqual(['POST /a 1 {"ü":1}', 'GET /b?c=d 2 ', 'POST /e 3 []']);
    expect(sockets.size).toBe(1);
  });

  it('rejects when the server ends in the middle of an answer, and from then on', async () => {
    const connection = await connected(await saying('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf', (socket) => socket.end()));
    await expect(connection.request('GET', '/', '')).rejects.toThrow('closed');
    await expect(connection.request('GET', '/', '')).rejects.toThrow('closed');
  });

  it('rejects what is no HTTP, and a second request at once', async () => {
    const connection = await connected(await saying('SMTP ready\r\n\r\n'));
    const first = connection.request('GET', '/', '');
    await expect(connection.request('GET', '/', '')).rejects.toThrow('under way');
    await expect(first).rejects.toThrow('not an HTTP/1.1 answer');
  });

  it('takes no answer that nobody asked for as the next one', async () => {
    const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1';
    const connection = await connected(await saying(answer + answer));
    expect((await connection.request('GET', '/', '')).body).toBe('1');
    await expect(connection.request('GET', '/', '')).rejects.toThrow();
  });
});
