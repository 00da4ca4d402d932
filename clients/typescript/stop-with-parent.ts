/**
 * Loaded into the demo's server by `node --import`. Its standard input is a pipe that the demo holds open; when the demo
 * is gone, however it died, the pipe ends, and the server stops as it would by a SIGTERM. Without this a killed demo
 * would leave a server behind on the port.
 */
const input = process.stdin as typeof process.stdin & { unref?: () => void };
input.on('end', () => process.kill(process.pid, 'SIGTERM'));
input.on('error', () => process.kill(process.pid, 'SIGTERM'));
input.resume();
input.unref?.();
