/** Exit code 0 when the server of this container turns: the image has no curl. */
const { PORT = '3000' } = process.env;
const answer = await globalThis.fetch(`http://localhost:${PORT}/livez`, { signal: globalThis.AbortSignal.timeout(2_000) }).catch(() => null);
process.exit(answer?.ok ? 0 : 1);
