import { Module } from '@nestjs/common';
import { AgentsModule } from '../agents/agents.module.js';
import { ClosuresModule } from '../closures/closures.module.js';
import { CommandsModule } from '../commands/commands.module.js';
import { DecisionsModule } from '../decisions/decisions.module.js';
import { HaltsModule } from '../halts/halts.module.js';
import { IncidentsModule } from '../incidents/incidents.module.js';
import { HaltEffect } from './halt-effect.service.js';
import { HaltEffectRepository } from './halt-effect.repository.js';
import { HaltScopes } from './halt-scopes.js';
import { HaltsShownRepository } from './halts-shown.repository.js';
import { KillSwitchController } from './kill-switch.controller.js';
import { KillSwitchService } from './kill-switch.service.js';
import { NotInControl } from './not-in-control.service.js';
import { RestoreHalt } from './restore-halt.service.js';
import { Retirement } from './retirement.service.js';

@Module({
  imports: [AgentsModule, ClosuresModule, CommandsModule, DecisionsModule, HaltsModule, IncidentsModule],
  controllers: [KillSwitchController],
  providers: [HaltEffect, HaltEffectRepository, HaltScopes, HaltsShownRepository, KillSwitchService, NotInControl, RestoreHalt, Retirement],
  exports: [HaltsShownRepository, KillSwitchService, RestoreHalt, Retirement],
})
export class KillSwitchModule {}
