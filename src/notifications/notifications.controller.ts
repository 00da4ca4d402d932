import { Body, Controller, Get, HttpCode, Post, Put } from '@nestjs/common';
import type { z } from 'zod';
import { Allow } from '../auth/access.js';
import { Answers } from '../common/http/answers.js';
import { type Caller, CurrentCaller } from '../common/http/caller.js';
import { IfMatch, type Precondition, Tagged, type Tagging } from '../common/http/if-match.js';
import { notificationsSchema, type PutNotifications, putNotificationsSchema, testedSchema, testSchema } from './notifications.schemas.js';
import { NotificationsService } from './notifications.service.js';
import { NotificationSettings } from './settings.service.js';

@Controller('notifications')
export class NotificationsController {
  constructor(
    private readonly service: NotificationsService,
    private readonly settings: NotificationSettings,
  ) {}

  @Get()
  @Allow({ person: 'viewer' })
  @Answers(notificationsSchema)
  async get(@Tagged() tag: Tagging) {
    return tag.answer(await this.settings.get());
  }

  @Put()
  @Allow({ person: 'admin' })
  @Answers(notificationsSchema)
  async put(@Body({ schema: putNotificationsSchema }) body: PutNotifications, @IfMatch() match: Precondition, @CurrentCaller() caller: Caller) {
    return match.answer(await this.settings.put(caller, match.of(await this.settings.get(), body).version, body));
  }

  @Post('test')
  @HttpCode(200)
  @Allow({ person: 'admin' })
  @Answers(testedSchema)
  test(@Body({ schema: testSchema }) { channel }: z.output<typeof testSchema>, @CurrentCaller() caller: Caller) {
    return this.service.test(caller, channel);
  }
}
