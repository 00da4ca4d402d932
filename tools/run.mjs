#!/usr/bin/env node
/**
 * Runs one entry of the built application in this process, building first when the sources are newer.
 * One process on purpose, and the npm scripts `exec` it: Debian's dash keeps a shell around its command, and a signal
 * that npm sends would end that shell and leave the server behind.
 * A production image carries dist/ and no compiler: without sources to compare there is nothing to build.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildIfStale, root } from './build.mjs';

const named = process.argv[2]?.endsWith('.js') ? process.argv.splice(2, 1)[0] : 'src/cli.js';
await buildIfStale();
await import(pathToFileURL(join(root, 'dist', 'src', 'config', 'node-version.js')).href);
await import(pathToFileURL(join(root, 'dist', named)).href);
