/** Where a demo says what happens: one line that is written over on a terminal, plain lines elsewhere. */
export class Progress {
  private standing = '';
  private lastMs = -Infinity;

  constructor(
    private readonly stream: NodeJS.WriteStream,
    private readonly plainEveryMs: number,
  ) {}

  /** A line that stays. */
  say(line: string): void {
    this.clear();
    this.stream.write(`${line}\n`);
    this.redraw();
  }

  /** The latest state, as often as it is worth looking at: ten times a second on a terminal, else every few seconds. */
  tick(text: () => string): void {
    const everyMs = this.stream.isTTY ? 100 : this.plainEveryMs;
    if (performance.now() - this.lastMs < everyMs) return;
    this.lastMs = performance.now();
    if (!this.stream.isTTY) {
      this.stream.write(`${text()}\n`);
      return;
    }
    this.clear();
    this.standing = text();
    this.redraw();
  }

  /** Takes the moving line away. */
  end(): void {
    this.clear();
    this.standing = '';
  }

  private clear(): void {
    if (this.standing !== '') this.stream.write('\r\u001b[2K');
  }

  private redraw(): void {
    if (this.standing !== '') this.stream.write(this.standing.slice(0, (this.stream.columns || 100) - 1));
  }
}
