import { createServer, connect, type Server, type Socket } from 'node:net';

/** A way to a server that loses answers after they were given, and goes away and comes back, under one address. */
export class UnreliableWay {
  /** Loses the answer to every n-th request; 0: to none. */
  loseEvery = 0;
  lost = 0;
  private requests = 0;
  private server: Server | null = null;
  private isAway = false;
  private readonly sockets = new Set<Socket>();
  private port = 0;

  /** @param target where it leads; may be changed, as when another instance takes a server's place */
  constructor(public target: string) {}

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async open(): Promise<this> {
    this.server = createServer((near) => (this.isAway ? near.destroy() : this.join(near)));
    await new Promise<void>((resolve) => this.server?.listen(this.port, '127.0.0.1', resolve));
    this.port = (this.server.address() as { port: number }).port;
    return this;
  }

  /** It keeps its port, which somebody else could be given meanwhile. */
  goAway(): void {
    this.isAway = true;
    for (const socket of this.sockets) socket.destroy();
  }

  comeBack(): void {
    this.isAway = false;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server?.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  private join(near: Socket): void {
    const { hostname, port } = new URL(this.target);
    const far = connect(Number(port), hostname);
    let loses = false;
    for (const [from, to] of [[near, far], [far, near]] as const) {
      this.sockets.add(from);
      from.on('error', () => undefined);
      from.on('close', () => {
        this.sockets.delete(from);
        to.destroy();
      });
    }
    near.on('data', (data) => {
      // A request of this client comes in one piece or two; either begins a count of its own.
      loses = this.loseEvery > 0 && ++this.requests % this.loseEvery === 0;
      far.write(data);
    });
    far.on('data', (data) => {
      if (!loses) return void near.write(data);
      this.lost += 1;
      far.destroy();
    });
  }
}
