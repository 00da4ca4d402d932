import { createServer, connect, type Socket } from 'node:net';

/** A way to a server that can lose connections without a word, as a firewall does. */
export interface Gateway {
  /** The same URL, through the gateway. */
  url: string;
  /** Connections that are open now. */
  open(): number;
  /** From now on nothing passes on the connections there are; new ones work. */
  forgetConnections(): void;
  /**
   * Cuts all connections at the nth statement from now on, before the server has it, or when it has been carried out and
   * its answer is on the way back: as a process that is killed there.
   * @param kill ends the process itself, first
   */
  cutAt(statement: number, when: 'before' | 'after', kill?: () => void): void;
  /** Nothing is cut any more; answers whether it was. */
  wasCut(): boolean;
  /** Statements since `cutAt`. */
  statements(): number;
  close(): Promise<void>;
}

const gateways: Gateway[] = [];

/** For `afterEach` or `afterAll`: a gateway that a failed test left open would keep the process. */
export async function closeGateways(): Promise<void> {
  for (const gateway of gateways.splice(0)) await gateway.close();
}

export async function openGateway(url: string): Promise<Gateway> {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  let open = 0;
  let forgotten = new WeakSet<Socket>();
  let statements = 0;
  let cut: { statement: number; when: 'before' | 'after'; kill: () => void } | null = null;
  const cutAll = () => {
    cut?.kill();
    cut = null;
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
    open += 1;
    near.once('close', () => (open -= 1));
    const reader = statementReader();
    let cutsOnAnswer = false;
    near.on('data', (data) => {
      for (let n = reader(data); n > 0; n--) {
        statements += 1;
        if (cut?.statement !== statements) continue;
        if (cut.when === 'before') return cutAll();
        cutsOnAnswer = true;
      }
    });
    far.on('data', () => cutsOnAnswer && cutAll());
    for (const [from, to] of [[near, far], [far, near]] as const) {
      sockets.add(from);
      from.on('data', (data) => forgotten.has(from) || to.destroyed || to.write(data));
      from.on('end', () => forgotten.has(from) || to.end());
      from.on('error', () => undefined);
      from.on('close', () => {
        sockets.delete(from);
        if (!forgotten.has(from)) to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const through = new URL(url);
  through.host = `127.0.0.1:${(server.address() as { port: number }).port}`;
  const gateway: Gateway = {
    url: through.href,
    open: () => open,
    forgetConnections() {
      forgotten = new WeakSet(sockets);
    },
    cutAt(statement, when, kill = () => undefined) {
      statements = 0;
      cut = { statement, when, kill };
    },
    wasCut() {
      const was = cut === null;
      cut = null;
      return was;
    },
    statements: () => statements,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  gateways.push(gateway);
  return gateway;
}

/** Counts the statements in what a client sends: messages of type Q, and S behind prepared ones. The first message has no type. */
function statementReader(): (data: Buffer) => number {
  let rest = Buffer.alloc(0);
  let typed = false;
  return (data) => {
    rest = Buffer.concat([rest, data]);
    let found = 0;
    for (;;) {
      const head = typed ? 1 : 0;
      if (rest.length < head + 4) return found;
      const end = head + rest.readUInt32BE(head);
      if (rest.length < end) return found;
      if (typed && (rest[0] === 0x51 || rest[0] === 0x53)) found += 1;
      typed = true;
      rest = rest.subarray(end);
    }
  };
}
