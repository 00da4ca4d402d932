/**
 * Imported before all else by whatever is started: an older Node would end with the stack of the first module that it does not have.
 * Those are asked for with `process.getBuiltinModule`: a plain import of one fails before any line of the program has run.
 */
if (Number(process.versions.node.split('.')[0]) < 24) {
  process.stderr.write(`Tradewarden needs Node 24; this is ${process.version}. Run it with "npm run …", which brings its own.\n`);
  process.exit(1);
}
