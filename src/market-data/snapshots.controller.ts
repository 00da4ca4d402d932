import { Body, Controller, Get, Post, Query } from '@nestjs/common';
import { z } from 'zod';
import { Allow } from '../auth/access.js';
import { agentShown } from '../auth/own-rows.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { type Creation, Once } from '../common/http/once.js';
import { pageSchema } from '../common/pagination.js';
import { Idempotency } from '../database/idempotency.js';
import { ACCOUNT, accountSnapshotSchema, accountSnapshotsQuery, createAccountSnapshotSchema } from './account.kind.js';
import { CALENDAR, calendarQuery, calendarSchema, createCalendarSchema } from './calendar.kind.js';
import { createIndicatorsSchema, INDICATORS, indicatorsQuery, indicatorsSchema } from './indicators.kind.js';
import { candleSchema, candlesQuery, createCandleSchema, frameFilter, MARKET } from './market.kind.js';
import { createNewsSchema, NEWS, newsQuery, newsSchema } from './news.kind.js';
import type { SnapshotKind, SnapshotOutcome, SnapshotRow } from './snapshot-kind.js';
import type { SnapshotFilter } from './snapshots.repository.js';
import { oneOrMany, outcomeOf, storedSchema, timedPageOf, type timedPageQuery } from './snapshots.schemas.js';
import { SnapshotsService } from './snapshots.service.js';

type OneOrMany<Body> = Body | { items: Body[] };
type Page = Pick<z.output<z.ZodObject<typeof timedPageQuery>>, 'limit' | 'cursor'>;
type Stored = { outcome: SnapshotOutcome } | { items: { outcome: SnapshotOutcome }[] };

const marketBody = oneOrMany(createCandleSchema);
const indicatorsBody = oneOrMany(createIndicatorsSchema);
const calendarBody = oneOrMany(createCalendarSchema);
const newsBody = oneOrMany(createNewsSchema);
const accountBody = oneOrMany(createAccountSnapshotSchema);

/** A repeat has made nothing. */
const statusOf = (stored: Stored) => ('items' in stored ? stored.items : [stored]).some(({ outcome }) => outcome === 'created') ? 201 : 200;

@Controller('snapshots')
export class SnapshotsController {
  constructor(
    private readonly service: SnapshotsService,
    private readonly idempotency: Idempotency,
  ) {}

  @Post('market')
  @Allow({ person: 'operator', agent: 'records' })
  @Answers(storedSchema(candleSchema), 201)
  @Answers(storedSchema(candleSchema), 200)
  createMarket(@Body({ schema: marketBody }) body: z.output<typeof marketBody>, @CurrentCaller() caller: Caller, @Once() once: Creation) {
    return this.take(MARKET, body, caller, once);
  }

  @Get('market')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(pageSchema(candleSchema))
  listMarket(@Query({ schema: candlesQuery }) { symbol, timeframe, ...page }: z.output<typeof candlesQuery>, @CurrentCaller() caller: Caller) {
    return this.list(MARKET, caller, page, { symbol: symbol ?? null, frame: frameFilter(timeframe) });
  }

  @Post('indicators')
  @Allow({ person: 'operator', agent: 'records' })
  @Answers(storedSchema(indicatorsSchema), 201)
  @Answers(storedSchema(indicatorsSchema), 200)
  createIndicators(@Body({ schema: indicatorsBody }) body: z.output<typeof indicatorsBody>, @CurrentCaller() caller: Caller, @Once() once: Creation) {
    return this.take(INDICATORS, body, caller, once);
  }

  @Get('indicators')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(pageSchema(indicatorsSchema))
  listIndicators(@Query({ schema: indicatorsQuery }) { agentId, symbol, timeframe, ...page }: z.output<typeof indicatorsQuery>, @CurrentCaller() caller: Caller) {
    return this.list(INDICATORS, caller, page, { agent_id: agentShown(caller, agentId), symbol: symbol ?? null, frame: frameFilter(timeframe) });
  }

  @Post('calendar')
  @Allow({ person: 'operator', agent: 'records' })
  @Answers(storedSchema(calendarSchema), 201)
  @Answers(storedSchema(calendarSchema), 200)
  createCalendar(@Body({ schema: calendarBody }) body: z.output<typeof calendarBody>, @CurrentCaller() caller: Caller, @Once() once: Creation) {
    return this.take(CALENDAR, body, caller, once);
  }

  @Get('calendar')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(pageSchema(calendarSchema))
  listCalendar(@Query({ schema: calendarQuery }) { currency, impactLevel, ...page }: z.output<typeof calendarQuery>, @CurrentCaller() caller: Caller) {
    return this.list(CALENDAR, caller, page, { currency: currency ?? null, impact_level: impactLevel ?? null });
  }

  @Post('news')
  @Allow({ person: 'operator', agent: 'records' })
  @Answers(storedSchema(newsSchema), 201)
  @Answers(storedSchema(newsSchema), 200)
  createNews(@Body({ schema: newsBody }) body: z.output<typeof newsBody>, @CurrentCaller() caller: Caller, @Once() once: Creation) {
    return this.take(NEWS, body, caller, once);
  }

  @Get('news')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(pageSchema(newsSchema))
  listNews(@Query({ schema: newsQuery }) { source, ...page }: z.output<typeof newsQuery>, @CurrentCaller() caller: Caller) {
    return this.list(NEWS, caller, page, { source: source ?? null });
  }

  @Post('account')
  @Allow({ person: 'operator', agent: 'records' })
  @Answers(storedSchema(accountSnapshotSchema), 201)
  @Answers(storedSchema(accountSnapshotSchema), 200)
  createAccount(@Body({ schema: accountBody }) body: z.output<typeof accountBody>, @CurrentCaller() caller: Caller, @Once() once: Creation) {
    return this.take(ACCOUNT, body, caller, once);
  }

  @Get('account')
  @Allow({ person: 'viewer', agent: 'any' })
  @Answers(pageSchema(accountSnapshotSchema))
  listAccount(@Query({ schema: accountSnapshotsQuery }) { agentId, accountId, ...page }: z.output<typeof accountSnapshotsQuery>, @CurrentCaller() caller: Caller) {
    return this.list(ACCOUNT, caller, page, { agent_id: agentShown(caller, agentId), account_id: accountId ?? null });
  }

  /** With an Idempotency-Key in a transaction, since its answer is known only after the row; without one merged with what others send. */
  private async take<Body extends object, Row extends SnapshotRow, Answer extends object>(kind: SnapshotKind<Body, Row, Answer>, body: OneOrMany<Body>, caller: Caller, once: Creation): Promise<Stored> {
    const isBatch = (given: OneOrMany<Body>): given is { items: Body[] } => 'items' in given;
    await this.service.prepare(kind, isBatch(body) ? body.items : [body]);
    const options = { status: statusOf };
    if (isBatch(body)) {
      return once.run<Stored>(this.idempotency, async (tx) => {
        const stored = await this.service.takeMany(tx, kind, caller, body.items);
        return { items: stored.map((each) => ({ id: each.row.id, revision: each.row.revision, ...outcomeOf(each) })) };
      }, options);
    }
    return once.runMerged<Stored>(
      this.idempotency,
      async (claim) => {
        if (claim) return { outcome: 'alone' };
        const stored = await this.service.takeMerged(kind, caller, body);
        return { outcome: 'made', answer: { ...kind.toAnswer(stored.row), ...outcomeOf(stored) } };
      },
      async (tx) => {
        const stored = await this.service.take(tx, kind, caller, body);
        return { ...kind.toAnswer(stored.row), ...outcomeOf(stored) };
      },
      options,
    );
  }

  private async list<Row extends SnapshotRow, Answer>(
    kind: SnapshotKind<never, Row, Answer>, caller: Caller, { limit, cursor, ...filter }: Page & Omit<SnapshotFilter, 'columns'>, columns: SnapshotFilter['columns'],
  ) {
    const rows = await this.service.list<Row>(kind, caller, { ...filter, columns }, limit, cursor);
    return timedPageOf(rows, limit, kind.time as keyof Row, kind.toAnswer);
  }
}
