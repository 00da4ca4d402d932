import js from '@eslint/js';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['dist', 'node_modules', 'data', 'dashboard/src/api/schema.d.ts'] },
  js.configs.recommended,
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts', '**/*.tsx'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': 'off',
    },
  },
  {
    // One validated object holds every setting; a second reader would see values nobody checked.
    files: ['src/**/*.ts'],
    ignores: ['src/config/env.ts'],
    rules: {
      'no-restricted-properties': ['error', { object: 'process', property: 'env', message: 'Only src/config/env.ts reads the environment.' }],
    },
  },
  {
    // Whose limit is a guess fails on a busy machine; against hanging there is testTimeout.
    files: ['**/*.spec.ts'],
    rules: {
      'no-restricted-syntax': ['error', ...[
        'CallExpression[callee.name=/^(it|test)$/][arguments.length>2]',
        'CallExpression[callee.callee.object.name=/^(it|test)$/][arguments.length>2]',
        'CallExpression[callee.consequent.name=/^(it|test)$/][arguments.length>2]',
        'CallExpression[callee.name=/^(before|after)(All|Each)$/][arguments.length>1]',
      ].map((selector) => ({ selector, message: 'No test has a time limit of its own: jest.config.mjs has one for all.' }))],
    },
  },
  { files: ['**/*.mjs'], languageOptions: { globals: { process: 'readonly', console: 'readonly', URL: 'readonly', setTimeout: 'readonly' } } },
);
