import { Module } from '@nestjs/common';
import { IncidentsModule } from '../incidents/incidents.module.js';
import { KillSwitchModule } from '../kill-switch/kill-switch.module.js';
import { ChatCommands } from './chat/chat-commands.service.js';
import { ChatStatusRepository } from './chat/chat-status.repository.js';
import { ChatsRepository } from './chat/chats.repository.js';
import { TelegramChat } from './chat/telegram-chat.service.js';
import { DeliveriesRepository } from './delivery/deliveries.repository.js';
import { MessagesRepository } from './delivery/messages.repository.js';
import { Notifier } from './delivery/notifier.service.js';
import { Sender } from './delivery/sender.service.js';
import { NotificationsController } from './notifications.controller.js';
import { NotificationsService } from './notifications.service.js';
import { SettingsRepository } from './settings.repository.js';
import { NotificationSettings } from './settings.service.js';
import { Watchdog } from './watchdog.service.js';

@Module({
  imports: [IncidentsModule, KillSwitchModule],
  controllers: [NotificationsController],
  providers: [SettingsRepository, NotificationSettings, NotificationsService, DeliveriesRepository, MessagesRepository, Sender, Notifier, ChatsRepository, ChatStatusRepository, ChatCommands, TelegramChat, Watchdog],
})
export class NotificationsModule {}
