import { useGet } from '../../api/queries.js';

/** The registry changes with the server alone. */
export const useCommandTypes = () => useGet('/api/v1/command-types', undefined, { every: 600_000 });
