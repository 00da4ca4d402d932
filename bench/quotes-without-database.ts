/**
 * The application itself, but for two look-ups: a key is asked of the database once, and quotes are taken by nobody. What
 * is left of a request is HTTP, parsing, validation, guard and log.
 */
import { ApiKeysService } from '../src/auth/api-keys.service.js';
import { readEnv } from '../src/config/env.js';
import { DatabaseService } from '../src/database/database.service.js';
import { Shutdown } from '../src/health/shutdown.js';
import { QuotesService } from '../src/market-data/quotes.service.js';
import { createServer, listen } from '../src/server.js';

const env = readEnv();
const app = await createServer(env);
const keys = app.get(ApiKeysService, { strict: false });
const known = new Map<string, ReturnType<ApiKeysService['holderOf']>>();
const holderOf = keys.holderOf.bind(keys);
keys.holderOf = (token, origin) => {
  const holder = known.get(token) ?? holderOf(token, origin);
  known.set(token, holder);
  return holder;
};
app.get(QuotesService, { strict: false }).take = (_caller, { items }) => Promise.resolve(items.map(({ symbol }) => ({ symbol, stored: true })));
app.get(Shutdown).onSignals(app);
await listen(app, env);
app.get(DatabaseService).start();
