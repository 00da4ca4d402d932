/**
 * A moment by two clocks. The one on the wall jumps when it is set, the steady one stands still while the machine
 * sleeps: whichever says more is believed, so that nothing old is taken for new.
 */
export interface Moment {
  wall: number;
  steady: number;
}

export const momentNow = (): Moment => ({ wall: Date.now(), steady: performance.now() });

/** Milliseconds since then; Infinity for never. */
export const msSince = (moment: Moment | null): number => (moment ? Math.max(Date.now() - moment.wall, performance.now() - moment.steady) : Infinity);
