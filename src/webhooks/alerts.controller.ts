import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import type { z } from 'zod';
import { Allow } from '../auth/access.js';
import { idParam } from '../common/fields.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { type Creation, Once } from '../common/http/once.js';
import { pageOf, pageSchema } from '../common/pagination.js';
import { Idempotency } from '../database/idempotency.js';
import { AlertsRepository } from './alerts.repository.js';
import { alertSchema, alertsQuery, redriveManySchema, redrivenSchema, redriveSchema, toAlert, toWholeAlert, wholeAlertSchema } from './alerts.schemas.js';
import { AlertsService } from './alerts.service.js';

type Id = { id: string };

@Controller('alerts')
export class AlertsController {
  constructor(
    private readonly service: AlertsService,
    private readonly alerts: AlertsRepository,
    private readonly idempotency: Idempotency,
  ) {}

  @Get()
  @Allow({ person: 'viewer' })
  @Answers(pageSchema(alertSchema))
  async list(@Query({ schema: alertsQuery }) { limit, cursor, ...filter }: z.output<typeof alertsQuery>) {
    return pageOf(await this.alerts.list(filter, limit, cursor), limit, toAlert);
  }

  @Get(':id')
  @Allow({ person: 'viewer' })
  @Answers(wholeAlertSchema)
  async get(@Param({ schema: idParam() }) { id }: Id) {
    return toWholeAlert(await this.service.get(id));
  }

  @Post('redrive')
  @HttpCode(200)
  @Allow({ person: 'operator' })
  @Answers(redrivenSchema)
  redriveMany(@Body({ schema: redriveManySchema }) body: z.output<typeof redriveManySchema>, @CurrentCaller() caller: Caller, @Once() once: Creation) {
    return once.run(this.idempotency, (tx) => this.service.redriveMany(tx, caller, body), { status: () => 200 });
  }

  @Post(':id/redrive')
  @HttpCode(200)
  @Allow({ person: 'operator' })
  @Answers(redrivenSchema)
  redrive(@Param({ schema: idParam() }) { id }: Id, @Body({ schema: redriveSchema }) body: z.output<typeof redriveSchema>, @CurrentCaller() caller: Caller, @Once() once: Creation) {
    return once.run(this.idempotency, (tx) => this.service.redrive(tx, caller, id, body), { status: () => 200 });
  }
}
