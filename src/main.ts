import { Logger } from '@nestjs/common';
import { readEnv, SettingsError } from './config/env.js';
import { DatabaseService } from './database/database.service.js';
import { createServer, listen } from './server.js';
import { Shutdown } from './health/shutdown.js';

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
