import { Module } from '@nestjs/common';
import { KillSwitchModule } from '../../kill-switch/kill-switch.module.js';
import { FinalityRepository } from './finality.repository.js';
import { FinalityService } from './finality.service.js';

@Module({ imports: [KillSwitchModule], providers: [FinalityRepository, FinalityService], exports: [FinalityService] })
export class CutoverModule {}
