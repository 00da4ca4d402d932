import { Injectable } from '@nestjs/common';

/** Tells those who work through the inbox that something has been stored in it: after the commit, on this instance alone. */
@Injectable()
export class StoredAlerts {
  private readonly listeners: (() => void)[] = [];

  /** @param listener returns at once and does not throw: the sender waits for its answer */
  onStored(listener: () => void): void {
    this.listeners.push(listener);
  }

  stored(): void {
    for (const listener of this.listeners) listener();
  }
}
