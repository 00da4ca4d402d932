import './config/node-version.js';
import { Logger } from '@nestjs/common';
import { readEnv, SettingsError } from './config/env.js';
import { DatabaseService } from './database/database.service.js';
import { createServer, listen } from './server.js';
import { Shutdown } from './health/shutdown.js';

// Whoever asks for help is not answered by a server that begins its work.
if (process.argv.length > 2) {
  process.stderr.write(`The server takes no arguments, and was not started: ${process.argv.slice(2).join(' ').slice(0, 200)}\nIts settings are environment variables; .env.example lists them. For commands: npm run cli -- --help\n`);
  process.exit(2);
}

try {
  const env = readEnv();
  const app = await createServer(env);
  app.get(Shutdown).onSignals(app);
  await listen(app, env);
  for (const warning of env.warnings) new Logger('Settings').warn(warning);
  new Logger('Server').log(`listening on port ${new URL(await app.getUrl()).port} of ${env.HOST === '::' || env.HOST === '0.0.0.0' ? 'every address' : env.HOST}`);
  app.get(DatabaseService).start();
} catch (error) {
  const { code } = error as { code?: string };
  const text = error instanceof SettingsError ? error.message : code === 'EADDRINUSE' ? 'The port is in use: set PORT to another one.' : String(error);
  process.stderr.write(`${text}\n`);
  process.exit(1);
}
