import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { firstPrice, parseCandles, readCandleText, symbolFromName } from './candle-file.js';
import { instrumentFor, parsePoints, type Instrument } from './instrument.js';
import { randomMarket, replayMarket, type Market } from './market.js';

export interface DemoOptions {
  candles?: string;
  seed: number;
  symbol?: string;
  spread?: string;
  speed?: number;
  port: number;
  dataDir: string;
  maxCandles?: number;
  once: boolean;
  json: boolean;
  start: boolean;
}

/** Candles a second of the random market: slow enough to watch, quick enough to see a trade within a minute. */
const RANDOM_SPEED = 4;
/** A replay takes about a minute, and a short file does not take as long as a long one. */
const REPLAY_SECONDS = 55;
const REPLAY_SPEED_MIN = 115;
const ONCE_CANDLES = 2_000;

function wholeNumber(from: number, to: number) {
  return (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < from || value > to) {
      throw new InvalidArgumentError(`a whole number from ${from} to ${to} is needed.`);
    }
    return value;
  };
}

function speed(text: string): number {
  if (text === 'max') return Infinity;
  const value = Number(text);
  if (!(value > 0 && value <= 100_000)) throw new InvalidArgumentError('candles a second are needed, or "max".');
  return value;
}

function pips(text: string): string {
  if (!/^\d{1,4}(\.\d{1,2})?$/.test(text)) throw new InvalidArgumentError('pips are needed, such as 0.6.');
  return text;
}

/** Reads the command line. On wrong usage it says so and ends the process with 2, on --help with 0. */
export function readOptions(argv: readonly string[], env: NodeJS.ProcessEnv): DemoOptions {
  const port = wholeNumber(1, 65_535);
  const [portSet, folderSet] = [env.PORT ?? '', env.DATA_DIR ?? ''];
  const command = new Command('npm run demo --')
    .description('Starts a Tradewarden server and a paper-trading agent on a random market, or replays a file of candles.')
    .option('--candles <file>', 'replay this CSV file in about a minute, and end with a summary')
    .option('--seed <n>', 'seed of the random market', wholeNumber(0, 4_294_967_295), 1)
    .option('--symbol <name>', 'what is traded (default: from the file name, else EURUSD)')
    .option('--spread <pips>', 'spread of the random market, or of a file without that column', pips)
    .option('--speed <n>', 'candles a second, or "max"', speed)
    .option('--max-candles <n>', 'end after so many candles, with a summary', wholeNumber(1, 100_000_000))
    .option('--once', `end the random market after ${ONCE_CANDLES} candles, with a summary`, false)
    .option('--start', 'tell the agent to start, also if somebody had stopped it', false)
    .option('--port <n>', 'port of the server', port, /^\d+$/.test(portSet) ? Number(portSet) : 3000)
    .option('--data-dir <dir>', 'where the database and what the agent knows are kept', folderSet === '' ? './data' : folderSet)
    .option('--json', 'print the summary as one JSON object, everything else to stderr', false)
    .allowExcessArguments(false)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
    .addHelpText(
      'after',
      '\nTRADEWARDEN_URL uses a server that runs already, with TRADEWARDEN_API_KEY of an agent, or with ADMIN_EMAIL and\n' +
        'ADMIN_PASSWORD to make one. Ctrl-C ends everything; the same command goes on where it stopped.',
    );
  const options = command.parse(argv as string[]).opts<DemoOptions>();
  return { ...options, dataDir: resolve(options.dataDir) };
}

export interface DemoMarket {
  market: Market;
  instrument: Instrument;
  candlesPerSecond: number;
  maxCandles: number | null;
  /** For people: what is walked. */
  described: string;
}

/** Reads and checks what is to be traded, before anything is started. @throws Error that says what is wrong with it. */
export function prepareMarket(options: DemoOptions, env: NodeJS.ProcessEnv): DemoMarket {
  return options.candles === undefined ? prepareWalk(options) : prepareReplay(options, options.candles, env);
}

function prepareReplay(options: DemoOptions, candles: string, env: NodeJS.ProcessEnv): DemoMarket {
  // npm changes into the package's folder first; INIT_CWD is where the user typed the name.
  const file = existsSync(candles) || !env.INIT_CWD ? candles : resolve(env.INIT_CWD, candles);
  const text = readCandleText(file);
  const instrument = instrumentFor(options.symbol ?? symbolFromName(file) ?? 'EURUSD', firstPrice(text));
  const spread = options.spread === undefined ? undefined : spreadPoints(options.spread, instrument);
  const parsed = parseCandles(file, text, instrument, spread);
  const count = Math.min(parsed.candles.length, options.maxCandles ?? Infinity);
  return {
    market: replayMarket(parsed.candles, `${instrument.symbol}:${parsed.fingerprint}`),
    instrument,
    candlesPerSecond: options.speed ?? Math.max(REPLAY_SPEED_MIN, count / REPLAY_SECONDS),
    maxCandles: options.maxCandles ?? null,
    described: `${parsed.candles.length} candles of ${instrument.symbol} from ${file}`,
  };
}

function prepareWalk(options: DemoOptions): DemoMarket {
  const instrument = instrumentFor(options.symbol ?? 'EURUSD');
  const start = parsePoints(instrument.digits === 3 ? '140' : '1.1', instrument);
  const market = randomMarket(options.seed, instrument, start, spreadPoints(options.spread ?? '0.6', instrument));
  return {
    market,
    instrument,
    candlesPerSecond: options.speed ?? (options.once ? REPLAY_SPEED_MIN : RANDOM_SPEED),
    maxCandles: options.maxCandles ?? (options.once ? ONCE_CANDLES : null),
    described: `a random ${instrument.symbol} market, seed ${options.seed}`,
  };
}

function spreadPoints(text: string, instrument: Instrument): number {
  return Math.round(Number(text) * instrument.pipPoints);
}
