import type { Agent } from './agent.js';
import { Refused, type Api } from './api.js';
import { pause } from './backoff.js';
import { writable } from './demo-rules.js';
import { readIfThere, replaceFile } from './durable-file.js';
import type { IdeaAnswer } from './ideas.js';

type Scene = 'approval' | 'halt' | 'autoStop';
/** The idea from which on each is shown. An idea that a limit refuses is not the one: the next may be. */
const BEGINS: Record<Scene, number> = { approval: 2, halt: 3, autoStop: 4 };
const SCENES = Object.keys(BEGINS) as Scene[];
const HALT_REASON = 'the demo shows a halt';
const RULE_REASON = 'the demo shows an auto-stop';
const HELD_SECONDS = 1;
/** The supervisor looks every 5 s. */
const CLOSED_WITHIN_MS = 20_000;
const SEEN_WITHIN_MS = 25_000;
const OBSERVED_WITHIN_MS = 3_000;
/** Ideas that a scene may fail with. */
const TRIES_MOST = 5;
/** A sign-in is good for longer. */
const SIGNED_IN_MS = 300_000;

interface Told {
  run: string;
  done: Scene[];
  /** The agent's ideas are to be approved at this moment. */
  approving: boolean;
}

export interface StoryOptions {
  /** Signs in. */
  admin: () => Promise<Api>;
  agentId: string;
  /** Keeps what has been shown of a run. */
  path: string;
  agent: () => Agent;
  say: (line: string) => void;
}

/**
 * What people do beside the agent, once in a run each: an operator approves an idea, halts the agent and releases it, and
 * gives a trade so little time that the supervisor closes it. The market stands still meanwhile.
 */
export class DemoStory {
  private scene: Scene | null = null;
  private haltId: string | null = null;
  private readonly tries = new Map<Scene, number>();
  private signedIn: { at: number; admin: Api } | null = null;

  constructor(private readonly options: StoryOptions) {}

  /** Takes back what a run that was killed has left. */
  async tidyUp(): Promise<void> {
    const admin = await this.admin();
    const { body } = await admin.get<{ items: { id: string; reason: string; scope: { id: string | null } }[] }>('/kill-switch?active=true');
    for (const { id, reason, scope } of body.items) if (reason === HALT_REASON && scope.id === this.options.agentId) await this.release(admin, id);
    if (this.told().approving) await this.requireApproval(admin, false);
  }

  async before(number: number): Promise<void> {
    const { done } = this.told();
    this.scene = SCENES.find((scene) => !done.includes(scene) && number >= BEGINS[scene] && (this.tries.get(scene) ?? 0) < TRIES_MOST) ?? null;
    if (this.scene) this.tries.set(this.scene, (this.tries.get(this.scene) ?? 0) + 1);
    await this.play(async () => {
      if (this.scene === 'approval') await this.requireApproval(await this.admin(), true);
      if (this.scene === 'halt') await this.halt();
    });
  }

  async after(_number: number, answer: IdeaAnswer | null): Promise<void> {
    const { scene } = this;
    this.scene = null;
    if (scene === null) return;
    await this.play(async () => {
      const admin = await this.admin();
      let shown = false;
      if (scene === 'approval') shown = await this.approve(admin, answer);
      if (scene === 'halt') shown = await this.endHalt(admin, answer);
      if (scene === 'autoStop') shown = await this.autoStop(admin, answer);
      if (shown) this.tell({ done: [...this.told().done, scene] });
    });
  }

  /** The agent does not depend on what is shown beside it. What was left halfway is taken back by the next start. */
  private async play(scene: () => Promise<void>): Promise<void> {
    try {
      await scene();
    } catch (error) {
      this.options.say(`not shown: ${(error as Error).message}`);
    }
  }

  private async admin(): Promise<Api> {
    if (!this.signedIn || performance.now() - this.signedIn.at > SIGNED_IN_MS) this.signedIn = { at: performance.now(), admin: await this.options.admin() };
    return this.signedIn.admin;
  }

  private async requireApproval(admin: Api, wanted: boolean): Promise<void> {
    // Noted before it is done, so that it is taken back also after a crash in between.
    if (wanted) this.tell({ approving: true });
    const path = `/limits/agent/${this.options.agentId}`;
    const { body } = await admin.get<Record<string, unknown> & { version: number }>(path);
    await admin.put(path, { ...writable(body), requireApproval: wanted ? true : null, reason: 'the demo shows an approval' }, { ifMatch: body.version });
    if (!wanted) this.tell({ approving: false });
  }

  private async approve(admin: Api, answer: IdeaAnswer | null): Promise<boolean> {
    const { agent, say } = this.options;
    let approved = false;
    for (let tries = 0; answer?.status === 'needs_approval' && !approved && tries < 2; tries++) {
      // What is approved is what was read: the digest is of exactly that, and a moved price makes another one.
      const { body: idea } = await admin.get<{ digest: string; direction: string; lotSize: string }>(`/trade-ideas/${answer.id}`);
      approved = await this.allowed(() => admin.post(`/trade-ideas/${answer.id}/approve`, { digest: idea.digest, reason: 'the demo shows an approval' }));
      if (approved) say(`an operator approved the idea ${answer.id} (${idea.direction} ${idea.lotSize}, digest ${idea.digest.slice(0, 12)}...)`);
    }
    if (approved) await this.until(SEEN_WITHIN_MS, () => agent().trader.gate.askedAs(answer!.id) === undefined);
    await this.requireApproval(admin, false);
    return approved;
  }

  private async halt(): Promise<void> {
    const { agentId, say } = this.options;
    const admin = await this.admin();
    const { body } = await admin.post<{ id: string }>('/kill-switch', { scope: { type: 'agent', id: agentId }, mode: 'reduce', reason: HALT_REASON });
    this.haltId = body.id;
    const { agent } = this.options;
    await this.until(SEEN_WITHIN_MS, () => agent().link.desired?.state === 'reducing');
    const seen = async () => (await admin.get<{ agents: { inScope: number; observed: number } | null }>(`/kill-switch/${body.id}`)).body.agents;
    let agents = await seen();
    for (const deadline = performance.now() + OBSERVED_WITHIN_MS; agents?.observed !== agents?.inScope && performance.now() < deadline; agents = await seen()) await pause(50);
    say(`an operator halted the agent (reduce): nothing opens, exits go on; observed by ${agents?.observed ?? 0} of ${agents?.inScope ?? 0}`);
  }

  private async endHalt(admin: Api, answer: IdeaAnswer | null): Promise<boolean> {
    const { agent } = this.options;
    await this.release(admin, this.haltId!);
    await this.until(SEEN_WITHIN_MS, () => agent().link.desired?.state === 'active');
    return answer?.status === 'halted_by_risk';
  }

  private async release(admin: Api, id: string): Promise<void> {
    await admin.post(`/kill-switch/${id}/release`, { confirm: 'RELEASE', reason: 'the demo has shown it' });
    this.options.say('an administrator released the halt');
  }

  private async autoStop(admin: Api, answer: IdeaAnswer | null): Promise<boolean> {
    const { agent, say } = this.options;
    const { trader } = agent();
    const position = trader.broker.state.positions.find(({ gated }) => gated !== undefined && gated.ideaId === answer?.id);
    if (!position) return false;
    const isTold = () => trader.tradeIdOf(position) !== undefined;
    await this.until(SEEN_WITHIN_MS, isTold);
    if (!isTold()) return false;
    const rules = { maxHoldingSeconds: HELD_SECONDS };
    const given = await this.allowed(() => admin.put(`/trades/${trader.tradeIdOf(position)}/exit-rules`, { rules, reason: RULE_REASON }));
    if (!given) return false;
    say(`an operator gave the trade ${HELD_SECONDS} s to live; the supervisor is to close it`);
    await this.until(CLOSED_WITHIN_MS, () => !trader.broker.state.positions.includes(position));
    return true;
  }

  /** A refusal is said; the next idea may be the one. */
  private async allowed(work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.options.say(`refused: ${error.message}`);
      return false;
    }
  }

  private async until(withinMs: number, check: () => boolean): Promise<void> {
    const deadline = performance.now() + withinMs;
    while (!check() && performance.now() < deadline && !this.options.agent().isEnding) await pause(20);
  }

  private told(): Told {
    const run = this.options.agent().trader.run.tag;
    const known = JSON.parse(readIfThere(this.options.path) ?? '{}') as Partial<Told>;
    const { approving = false } = known;
    return known.run === run ? { run, done: known.done ?? [], approving } : { run, done: [], approving };
  }

  private tell(change: Partial<Told>): void {
    replaceFile(this.options.path, JSON.stringify({ ...this.told(), ...change }));
  }
}
