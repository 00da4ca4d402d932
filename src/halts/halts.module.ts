import { Module } from '@nestjs/common';
import { AgentHalts } from './agent-halts.service.js';
import { HaltsRepository } from './halts.repository.js';
import { SuspensionsRepository } from './suspensions.repository.js';

@Module({ providers: [AgentHalts, HaltsRepository, SuspensionsRepository], exports: [AgentHalts, HaltsRepository, SuspensionsRepository] })
export class HaltsModule {}
