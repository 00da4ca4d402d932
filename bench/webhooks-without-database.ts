/**
 * The application itself, but for two look-ups: a source is asked of the database once, and alerts are kept by nobody. What
 * is left of a request is HTTP, reading, masking, key and log.
 */
import { readEnv } from '../src/config/env.js';
import { DatabaseService } from '../src/database/database.service.js';
import { Shutdown } from '../src/health/shutdown.js';
import { createServer, listen } from '../src/server.js';
import { IntakeRepository } from '../src/webhooks/intake/intake.repository.js';
import { KnownSources } from '../src/webhooks/sources/known-sources.js';

const env = readEnv();
const app = await createServer(env);
const sources = app.get(KnownSources, { strict: false });
const known = new Map<string, ReturnType<KnownSources['byToken']>>();
const byToken = sources.byToken.bind(sources);
sources.byToken = (token) => {
  const source = known.get(token) ?? byToken(token);
  known.set(token, source);
  return source;
};
app.get(IntakeRepository, { strict: false }).store = () => Promise.resolve({ as: 'accepted' });
app.get(Shutdown).onSignals(app);
await listen(app, env);
app.get(DatabaseService).start();
