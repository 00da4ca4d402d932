/** Loaded before a server, it makes the server's own clock wrong by CLOCK_SKEW_SECONDS; time passes as fast as ever. */
const skewMs = Number(process.env.CLOCK_SKEW_SECONDS ?? 0) * 1_000;
const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() + skewMs);
    else super(...args);
  }

  static now() {
    return RealDate.now() + skewMs;
  }
};
