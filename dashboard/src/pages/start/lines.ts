/** What is pasted into a shell or a file. The server's own address, and the key where it is known. */
export interface LinesFor {
  origin: string;
  key: string;
  symbol: string;
}

const KEY_TO_FILL_IN = 'tw_…';
export const keyOr = (apiKey: string | null): string => apiKey ?? KEY_TO_FILL_IN;

export const curlLines = ({ origin, key, symbol }: LinesFor): string => `API=${origin}/api/v1
KEY=${key}

# The agent says that it is alive, and hears what it should be doing. Again every 15 s.
curl -s $API/agents/me/heartbeat -H "x-api-key: $KEY" -H 'content-type: application/json' \\
  -d '{"status":"running","equity":"10000.00","openPositions":0}'; echo

# The price that it sees (yours here).
curl -s $API/quotes -H "x-api-key: $KEY" -H 'content-type: application/json' \\
  -d "{\\"items\\":[{\\"symbol\\":\\"${symbol}\\",\\"bid\\":\\"1.25000\\",\\"ask\\":\\"1.25010\\",\\"quotedAt\\":\\"$(date -u +%Y-%m-%dT%H:%M:%SZ)\\"}]}"; echo

# What would stop it from opening now.
curl -s $API/agents/me/check -H "x-api-key: $KEY" -H 'content-type: application/json' -d '{}'; echo

# The agent polls for commands (it may wait up to 25 s).
curl -s $API/agents/me/commands/lease -H "x-api-key: $KEY" -H 'content-type: application/json' \\
  -d '{"waitSeconds":5,"leaseSeconds":300}'; echo`;

export const pythonLines = ({ origin, key }: LinesFor): string => `export TRADEWARDEN_URL=${origin} TRADEWARDEN_API_KEY=${key}
python3 clients/python/example.py                                # until Ctrl-C`;

export const typescriptLines = ({ origin, key }: LinesFor): string => `TRADEWARDEN_URL=${origin} TRADEWARDEN_API_KEY=${key} npm run demo     # the agent alone`;

export const instrumentsLines = ({ origin, key }: LinesFor): string => `API=${origin}/api/v1
KEY=${key}
curl -s $API/instruments/batch -H "x-api-key: $KEY" -H 'content-type: application/json' \\
  -d '{"items":[{"symbol":"EURUSD.m","brokerSymbol":"EURUSD.m","kind":"fx","sizeUnit":"lots","contractSize":"100000","tickSize":"0.00001",
       "tickValue":"1","tickValueCurrency":"USD","minSize":"0.01","sizeStep":"0.01","baseCurrency":"EUR","quoteCurrency":"USD"}]}'; echo`;
