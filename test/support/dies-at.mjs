/** Loaded before a command line, it ends that as kill -9 does once it says DIES_AT: whoever listens may be late by seconds. */
const write = process.stderr.write.bind(process.stderr);
process.stderr.write = (text, ...rest) => {
  const written = write(text, ...rest);
  if (String(text).includes(process.env.DIES_AT)) process.kill(process.pid, 'SIGKILL');
  return written;
};
