import { Injectable } from '@nestjs/common';

/** True from the first signal on: no new work is handed out, and whoever waits is answered. */
@Injectable()
export class Draining {
  private readonly controller = new AbortController();
  private running = 0;
  private whenIdle: () => void = () => undefined;

  get begun(): boolean {
    return this.controller.signal.aborted;
  }

  /** Aborted when draining begins. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  begin(): void {
    this.controller.abort();
  }

  requestBegan(): void {
    this.running += 1;
  }

  requestEnded(): void {
    this.running -= 1;
    if (this.running === 0) this.whenIdle();
  }

  /** Resolves when no request is being answered. */
  idle(): Promise<void> {
    if (this.running === 0) return Promise.resolve();
    return new Promise((resolve) => (this.whenIdle = resolve));
  }
}
