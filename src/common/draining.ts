import { Injectable } from '@nestjs/common';

/** True from the first signal on: no new work is handed out, and whoever waits is answered. */
@Injectable()
export class Draining {
  private readonly controller = new AbortController();

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
}
