import { useMutation, useQueryClient } from '@tanstack/react-query';
import { answer, api } from '../../api/client.js';
import { makeStale } from '../../api/queries.js';
import type { paths } from '../../api/schema.js';

type Change = paths['/api/v1/agents/{agentId}']['patch']['requestBody']['content']['application/json'];

export function useChangeAgent(agentId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: Change) => answer(api.PATCH('/api/v1/agents/{agentId}', { params: { path: { agentId } }, body })),
    onSuccess: () => makeStale(client, '/api/v1/agents', '/api/v1/overview'),
  });
}
