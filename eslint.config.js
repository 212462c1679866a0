// The strictest rules of typescript-eslint; what is switched off here says why.
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'coverage/', 'var/'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: {
          allowDefaultProject: ['*.js', '.dependency-cruiser.cjs', 'scripts/*.js', 'src/migrations/*.js', 'src/page/*.js', 'test/lab/*.js'],
        },
      },
    },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-floating-promises': 'error',
      // `${number}` is what a message needs.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // Data is written as types, functions as values.
      '@typescript-eslint/consistent-type-definitions': ['error', 'type'],
      // Ports are plain objects of functions; none of them uses `this`.
      '@typescript-eslint/unbound-method': 'off',
      // `() => controller.abort()` is a fine one-liner.
      '@typescript-eslint/no-confusing-void-expression': 'off',
      // `for (;;)` and `while (!signal.aborted)`: the linter does not know that time passes at an await.
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
    },
  },
  { files: ['**/*.js', '**/*.cjs'], extends: [tseslint.configs.disableTypeChecked] },
  {
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
);
