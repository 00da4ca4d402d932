import { createServer, connect, type Socket } from 'node:net';

/** A way to a server that can lose connections without a word, as a firewall does. */
export interface Gateway {
  /** The same URL, through the gateway. */
  url: string;
  /** Connections that are open now. */
  open(): number;
  /** From now on nothing passes on the connections there are; new ones work. */
  forgetConnections(): void;
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
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
    open += 1;
    near.once('close', () => (open -= 1));
    for (const [from, to] of [[near, far], [far, near]] as const) {
      sockets.add(from);
      from.on('data', (data) => forgotten.has(from) || to.write(data));
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
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  gateways.push(gateway);
  return gateway;
}
