import { Inject, Injectable, Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { masked } from '../../auth/credentials.js';
import type { Caller } from '../../common/http/caller.js';
import { actorOf } from '../../common/principal.js';
import { Problem } from '../../common/problem.js';
import type { Env } from '../../config/env.js';
import { ENV } from '../../config/env.token.js';
import { inTransaction, type Tx } from '../../database/transaction.js';
import { Events } from '../../events/events.service.js';
import { Incidents } from '../../incidents/incidents.service.js';
import { KillSwitchService } from '../../kill-switch/kill-switch.service.js';
import type { TelegramMessage } from '../channels/telegram-api.js';
import { oneLine } from '../channels/said.js';
import { type ChatCommand, commandOf } from './chat-command.js';
import { ChatStatusRepository } from './chat-status.repository.js';
import { ageText, haltText, HELP, openText, statusText } from './chat-texts.js';
import { ChatsRepository } from './chats.repository.js';

/** What is older was meant for another moment; a halt is carried out whenever it comes: stopping is safe. */
const OLD_SECONDS = 300;
const EFFECT_WITHIN_MS = 2_000;

interface Done {
  answer: string;
  haltId?: string;
}

/** What a bound chat says, done once: the update's row and what it caused are one transaction. */
@Injectable()
export class ChatCommands {
  private readonly log = new Logger('Telegram');

  constructor(
    private readonly dataSource: DataSource,
    private readonly chats: ChatsRepository,
    private readonly status: ChatStatusRepository,
    private readonly killSwitch: KillSwitchService,
    private readonly incidents: Incidents,
    private readonly events: Events,
    @Inject(ENV) private readonly env: Env,
  ) {}

  /**
   * @param botId the number in front of the token
   * @throws when it could not be stored: then nothing was done, and the update is read again
   */
  async carryOut(botId: string, updateId: number, message: TelegramMessage): Promise<void> {
    const command = commandOf(message.text ?? '');
    if (command === null) return;
    const chatId = String(message.chat.id);
    const senderId = message.from === undefined || message.from.id === message.chat.id ? null : String(message.from.id);
    const caller: Caller = { principal: { kind: 'chat', chatId, senderId }, correlationId: `telegram-${botId}-${updateId}` };
    const ageSeconds = Math.max(0, Date.now() / 1000 - message.date);
    const once = (act: (tx: Tx) => Promise<Done>) => inTransaction(this.dataSource, async (tx) => {
      const isNew = await this.chats.begin(tx, { botId, updateId, chatId, senderId, command: command.name, sentAt: new Date(message.date * 1000).toISOString() });
      if (!isNew) return null;
      const result = await act(tx);
      await this.chats.setAnswer(tx, botId, updateId, result.answer.slice(0, 4_000).toWellFormed());
      await this.events.append(tx, caller, [{ type: 'notification.chat_command', data: { chatId, senderId, command: command.name, updateId, ageSeconds: Math.round(ageSeconds) } }]);
      return result;
    });
    const done = await this.read(command).then((answer) => once((tx) => (answer === null ? this.act(tx, caller, command, ageSeconds) : Promise.resolve({ answer })))).catch((error: Error) => {
      if (command.name === 'halt') throw error;
      // Read again and again it would keep the /halt that was written next from ever being read.
      this.log.warn(`/${command.name} of chat ${chatId} was not done: ${error.message}`);
      return once(() => Promise.resolve({ answer: `/${command.name} could not be done. Send it again; /halt works on its own.` }));
    });
    if (done?.haltId !== undefined) await this.tellEffect(botId, updateId, done.haltId, done.answer);
  }

  /** Outside of the transaction; null: there is something to do. */
  private async read(command: ChatCommand): Promise<string | null> {
    return command.name === 'status' ? statusText(await this.status.status(), this.link()) : null;
  }

  private async act(tx: Tx, caller: Caller, command: ChatCommand, ageSeconds: number): Promise<Done> {
    switch (command.name) {
      case 'halt': return this.halt(tx, caller, command, ageSeconds);
      case 'ack': return { answer: await this.acknowledge(tx, caller, command.which, ageSeconds) };
      case 'unknown': return { answer: `There is no such command.\n${HELP}` };
      default: return { answer: HELP };
    }
  }

  /** What was named and is not there must not leave everything running: then everything is halted. */
  private async halt(tx: Tx, caller: Caller, { scope, id, reason }: Extract<ChatCommand, { name: 'halt' }>, ageSeconds: number): Promise<Done> {
    const said = `by Telegram${reason === '' ? '' : `: ${masked(reason)}`}`;
    const late = ageSeconds > OLD_SECONDS ? [`Your message was ${ageText(ageSeconds)} old; it counts all the same.`] : [];
    const everything = () => this.killSwitch.impose(tx, caller, { scope: { type: 'global' }, mode: 'halt', reason: said });
    if (scope === 'global' || id === null) {
      const halt = await everything();
      return { haltId: halt.id, answer: [...late, `HALTED: everything [${halt.id}].`].join('\n') };
    }
    try {
      const halt = await this.killSwitch.impose(tx, caller, { scope: { type: scope, id }, mode: 'halt', reason: said });
      return { haltId: halt.id, answer: [...late, `HALTED: ${scope} ${oneLine(id, 80)} [${halt.id}].`].join('\n') };
    } catch (error) {
      if (!(error instanceof Problem) || error.status >= 500) throw error;
      const halt = await everything();
      return { haltId: halt.id, answer: [...late, `${scope} "${oneLine(id, 80)}" is not known: EVERYTHING is halted instead [${halt.id}].`].join('\n') };
    }
  }

  private async acknowledge(tx: Tx, caller: Caller, which: string | null, ageSeconds: number): Promise<string> {
    if (ageSeconds > OLD_SECONDS) return `Nothing was done: your message was ${ageText(ageSeconds)} old. Send it again if it still holds.`;
    if (which === null) return openText((await this.status.unresolved()).filter(({ acknowledged }) => !acknowledged));
    const id = await this.status.incidentId(tx, which);
    if (id === null) return `There is no incident "${oneLine(which, 60)}". /ack alone lists what is open.`;
    const { seq, kind, acknowledged_by: by, resolved_at: resolvedAt } = await this.incidents.acknowledgeWithin(tx, caller, id, null);
    const who = by === actorOf(caller.principal) ? '' : ` It was acknowledged by ${by} before.`;
    return `#${seq} ${kind} is acknowledged and not told again.${who}${resolvedAt === null ? ' It is still open.' : ' It is over.'}`;
  }

  /** What came of it, in place of that it was stored; without it that is told. */
  private async tellEffect(botId: string, updateId: number, haltId: string, answer: string): Promise<void> {
    try {
      const lines = answer.split('\n').filter((line) => !line.startsWith('HALTED: '));
      const told = [...lines, haltText(await this.killSwitch.whenEffective(haltId, EFFECT_WITHIN_MS))].join('\n');
      await this.chats.setAnswer(this.dataSource.manager, botId, updateId, told.slice(0, 4_000).toWellFormed());
    } catch (error) {
      this.log.warn(`halt ${haltId} is in force; what it did so far is not known: ${(error as Error).message}`);
    }
  }

  private link(): string | null {
    return this.env.PUBLIC_URL === undefined ? null : `${this.env.PUBLIC_URL}/overview`;
  }
}
