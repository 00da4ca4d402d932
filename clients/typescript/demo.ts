/**
 * `npm run demo`: a server and a paper-trading agent, together. With `--candles FILE` it replays a file and ends with a
 * summary; without, it walks a random market until Ctrl-C. See `--help`.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Decimal } from 'decimal.js';
import { Agent, type Ending } from './agent.js';
import { Api } from './api.js';
import { prepareMarket, readOptions, type DemoMarket, type DemoOptions } from './demo-options.js';
import { allowTrading, strategyOf } from './demo-rules.js';
import { answers, DemoServer } from './demo-server.js';
import { DemoSignIn, type AgentAccess } from './demo-sign-in.js';
import { DemoStory } from './demo-story.js';
import { takeLock } from './durable-file.js';
import { priceText } from './instrument.js';
import { Progress } from './progress.js';
import { fetchIdeas, fetchTrades, sumTrades, type IdeaSums } from './summary.js';

const INITIAL_BALANCE = '10000.00';
/** After the random market's warm-up, soon enough for a short file; held long enough to be seen, half a minute at the usual speed. */
const BY_HAND = { opensAt: 100, heldCandles: 120, lots: '0.05' };
const PLAIN_LINE_EVERY_MS = { replay: 5_000, walk: 10_000 };
/** npm passes a Ctrl-C on that the terminal has already sent; only a later one means "at once". */
const SECOND_SIGNAL_AFTER_MS = 3_000;

class Demo {
  private readonly baseUrl: string;
  private readonly isRemote: boolean;
  private readonly progress: Progress;
  private readonly signIn: DemoSignIn;
  private server: DemoServer | null = null;
  private agent: Agent | null = null;
  private stopAskedMs: number | null = null;
  private failure: Error | null = null;
  private wake: () => void = () => undefined;

  constructor(
    private readonly options: DemoOptions,
    private readonly demoMarket: DemoMarket,
    private readonly env: NodeJS.ProcessEnv,
  ) {
    const given = env.TRADEWARDEN_URL ?? '';
    this.isRemote = given !== '';
    this.baseUrl = this.isRemote ? given.replace(/\/+$/, '') : `http://127.0.0.1:${options.port}`;
    const every = demoMarket.market.length === null ? PLAIN_LINE_EVERY_MS.walk : PLAIN_LINE_EVERY_MS.replay;
    this.progress = new Progress(options.json ? process.stderr : process.stdout, every);
    this.signIn = new DemoSignIn(options.dataDir, env, this.isRemote ? new URL(this.baseUrl).host : null, (line) =>
      this.progress.say(line),
    );
  }

  /** @returns the exit code. */
  async run(): Promise<number> {
    mkdirSync(this.options.dataDir, { recursive: true });
    const releaseLock = takeLock(join(this.options.dataDir, 'demo.lock'));
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => this.onSignal());
    try {
      if (!this.isRemote) await this.startServer();
      if (this.failure) throw this.failure;
      if (this.stopAskedMs !== null) return 0;
      return await this.trade();
    } finally {
      this.progress.end();
      if (this.server) {
        this.progress.say('stopping the server ...');
        await this.server.stop();
      }
      releaseLock();
    }
  }

  private async trade(): Promise<number> {
    const { options, demoMarket, signIn } = this;
    const { instrument, market } = demoMarket;
    const name = `demo-${instrument.symbol.toLowerCase()}`;
    const access = await signIn.agentFor(this.baseUrl, name, instrument.symbol, options.start);
    const folder = signIn.agentFolder(access.name);
    const strategyId = await this.setUp(instrument.symbol);
    const story = strategyId === undefined ? null : this.storyOf(access, folder);
    const agent: Agent = new Agent({
      ...demoMarket,
      ...(story ? { strategyId, aroundIdea: story } : {}),
      baseUrl: this.baseUrl,
      apiKey: access.apiKey,
      config: access.config,
      folder,
      initialBalance: INITIAL_BALANCE,
      byHand: BY_HAND,
      say: (line) => this.progress.say(`  ${line}`),
      onStep: () => this.progress.tick(() => this.stateLine(agent)),
    });
    this.agent = agent;
    this.sayWhere(access, agent);
    await story?.tidyUp();
    const began = performance.now();
    const ending = await agent.run();
    this.progress.end();
    if (this.failure) throw this.failure;
    const staysUp = ending === 'killed' && market.length === null && demoMarket.maxCandles === null && this.server !== null;
    if (staysUp) {
      this.progress.say('The agent was killed, as commanded. The server stays up until Ctrl-C;');
      this.progress.say('the next `npm run demo` starts an agent that stays stopped until it gets a `start`.');
      await this.untilStopped();
      if (this.failure) throw this.failure;
    }
    return this.summarise(access, agent, ending, (performance.now() - began) / 1000);
  }

  /** Makes a server of its own ready to trade; somebody else's is left as it is. @returns the strategy, where it may */
  private async setUp(symbol: string): Promise<string | undefined> {
    const admin = this.isRemote ? null : await this.signIn.administrator(this.baseUrl);
    if (!admin) return undefined;
    if (!(await allowTrading(admin))) this.progress.say('aiTradingEnabled is false: nothing will be opened (PUT /api/v1/risk-config)');
    return strategyOf(admin, symbol);
  }

  private storyOf(access: AgentAccess, folder: string): DemoStory {
    const admin = async () => (await this.signIn.administrator(this.baseUrl))!;
    const say = (line: string) => this.progress.say(`  ${line}`);
    return new DemoStory({ admin, agentId: access.id, path: join(folder, 'story.json'), agent: () => this.agent!, say });
  }

  private async startServer(): Promise<void> {
    const { options, baseUrl, signIn } = this;
    if ((await answers(baseUrl)) !== null) {
      if (!signIn.knowsServer) {
        throw new Error(`Something answers at ${baseUrl} already. Use --port with a free one, or TRADEWARDEN_URL to use that server.`);
      }
      this.progress.say(`using the server that runs at ${baseUrl}`);
      return;
    }
    const env = { ...this.env, ...signIn.serverEnv(), PORT: String(options.port), DATA_DIR: options.dataDir };
    this.progress.say(`starting the server at ${baseUrl} (data in ${options.dataDir}) ...`);
    this.server = new DemoServer({
      baseUrl,
      dataDir: options.dataDir,
      env,
      say: (line) => this.progress.say(line),
      isLeaving: () => this.stopAskedMs !== null,
      onGivenUp: (error) => {
        this.failure = error;
        this.agent?.stop();
        this.wake();
      },
    });
    await this.server.start();
  }

  private sayWhere(access: AgentAccess, agent: Agent): void {
    const { progress, baseUrl, demoMarket } = this;
    const { cycleCount } = agent.trader.run;
    progress.say(`agent ${access.name} (${access.id}) on ${demoMarket.described}`);
    if (cycleCount > 0) progress.say(`going on at candle ${cycleCount + 1}, where the run before stopped`);
    if (agent.spool.size > 0) progress.say(`${agent.spool.size} facts of the run before are still to be sent`);
    if (this.isRemote) return;
    progress.say(`API documentation: ${baseUrl}/api/docs; the credentials are in ${this.signIn.file}`);
    progress.say('');
  }

  private stateLine(agent: Agent): string {
    const { run, broker } = agent.trader;
    const { market } = this.demoMarket;
    const time = new Date(run.lastCandle ?? 0).toISOString().slice(0, 16).replace('T', ' ');
    const price = broker.state.quote ? priceText(broker.state.quote.bid, run.instrument) : '-';
    const done = market.length === null ? '' : `  ${Math.floor((100 * run.market.index) / market.length)} %`;
    const waiting = agent.spool.size > 0 ? `  unsent ${agent.spool.size}` : '';
    const rejected = agent.spool.rejectedCount > 0 ? `  REJECTED ${agent.spool.rejectedCount}` : '';
    return `${time}  ${price}  equity ${broker.equity()}  open ${broker.state.positions.length}  trades ${run.closedTrades}  ${agent.status}${done}${waiting}${rejected}`;
  }

  private async summarise(access: AgentAccess, agent: Agent, ending: Ending, seconds: number): Promise<number> {
    const { run } = agent.trader;
    const { instrument } = run;
    const api = new Api(this.baseUrl, access.apiKey, null);
    const [unsentFacts, rejectedFacts] = [agent.spool.size, agent.spool.rejectedCount];
    const sums = await fetchTrades(api, access.id, run.tag).then((rows) => sumTrades(rows, instrument)).catch((error: Error) => {
      this.progress.say(`no summary: the trades cannot be read from the server (${error.message})`);
      return null;
    });
    const ideas = sums && (await fetchIdeas(api, access.id, run.beganAt));
    const day = (time: number | null) => (time === null ? null : new Date(time).toISOString());
    const summary = {
      complete: ending === 'market',
      ending,
      agent: access.name,
      agentId: access.id,
      symbol: instrument.symbol,
      run: run.tag,
      candles: run.cycleCount,
      from: day(run.firstCandle),
      to: day(run.lastCandle),
      seconds: Math.round(seconds),
      currency: 'USD',
      ...sums,
      ...ideas,
      finalBalance: agent.trader.broker.state.balance,
      unsentFacts,
      rejectedFacts,
    };
    const whole = unsentFacts === 0 && rejectedFacts === 0 && sums !== null && sums.mismatches.length === 0;
    const sameMoney = sums !== null && new Decimal(INITIAL_BALANCE).plus(sums.net).eq(summary.finalBalance);
    if (this.options.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
    else if (sums !== null) this.printSummary(summary, sums, ideas!, instrument.contractSize);
    if (ending === 'market' && unsentFacts === 0 && sums !== null) agent.trader.acknowledge();
    if (unsentFacts > 0) this.progress.say(`${unsentFacts} facts are unsent; the same command sends them.`);
    return whole && (sameMoney || !summary.complete) ? 0 : 1;
  }

  private printSummary(summary: Record<string, unknown>, sums: ReturnType<typeof sumTrades>, ideas: IdeaSums, contractSize: number): void {
    const row = (name: string, value: unknown, note = '') =>
      this.progress.say(`  ${name.padEnd(18)}${String(value).padStart(12)}${note === '' ? '' : `   ${note}`}`);
    const when = `${String(summary.from).slice(0, 16)} to ${String(summary.to).slice(0, 16)}`;
    this.progress.say('');
    const how = { market: 'Finished', stopped: 'Stopped', killed: 'Ended by a kill' }[summary.ending as Ending];
    this.progress.say(`${how}: ${summary.candles} candles of ${summary.symbol}, ${when}, in ${summary.seconds} s`);
    const counted = (counts: Record<string, number>) => Object.entries(counts).map(([name, count]) => `${count} ${name}`).join(', ');
    row('ideas', ideas.ideas, counted(ideas.byStatus));
    if (Object.keys(ideas.refusals).length > 0) row('refused', '', counted(ideas.refusals));
    row('trades', sums.trades, `${sums.wins} won, ${sums.losses} lost, ${sums.even} even${sums.openTrades > 0 ? `; ${sums.openTrades} still open` : ''}`);
    row('wins', sums.wins);
    row('losses', sums.losses);
    row('gross', sums.gross, `USD: the sum of (exit - entry) x lots x ${contractSize}, reversed for short, each to the cent`);
    row('costs', sums.costs, 'USD commission; the spread is inside the fill prices');
    row('net total profit', sums.net, sums.external.trades > 0 ? `USD, ${sums.external.net} of it by hand at the broker (origin external)` : 'USD');
    if (Number(summary.rejectedFacts) > 0) row('REJECTED FACTS', summary.rejectedFacts, 'see rejected.jsonl');
    for (const mismatch of sums.mismatches) this.progress.say(`  DIFFERENT: ${mismatch}`);
    this.progress.say(`Compute it again: GET /api/v1/trades?agentId=${summary.agentId}&limit=500, where brokerPositionId begins with paper-${summary.run}-`);
  }

  private untilStopped(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
      if (this.stopAskedMs !== null || this.failure) resolve();
    });
  }

  private onSignal(): void {
    if (this.stopAskedMs !== null) {
      // The server's standard input ends with this process, which stops it too.
      if (performance.now() - this.stopAskedMs > SECOND_SIGNAL_AFTER_MS) process.exit(1);
      return;
    }
    this.stopAskedMs = performance.now();
    this.progress.end();
    this.progress.say('stopping ...');
    this.agent?.stop();
    this.wake();
  }
}

async function main(): Promise<number> {
  const options = readOptions(process.argv, process.env);
  let market: DemoMarket;
  try {
    market = prepareMarket(options, process.env);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    return 2;
  }
  try {
    return await new Demo(options, market, process.env).run();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

process.exit(await main());
