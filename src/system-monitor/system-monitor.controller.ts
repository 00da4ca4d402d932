import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import type { z } from 'zod';
import { Allow } from '../auth/access.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { liftSchema, suspensionSchema, toSuspension } from './system-monitor.schemas.js';
import { SystemMonitor } from './system-monitor.service.js';

@Controller('system/suspension')
export class SystemMonitorController {
  constructor(private readonly monitor: SystemMonitor) {}

  @Post('lift')
  @HttpCode(200)
  @Allow({ person: 'admin' })
  @Answers(suspensionSchema)
  async lift(@Body({ schema: liftSchema }) { reason }: z.output<typeof liftSchema>, @CurrentCaller() caller: Caller) {
    return toSuspension(await this.monitor.lift(caller, reason));
  }
}
