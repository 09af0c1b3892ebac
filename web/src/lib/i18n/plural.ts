// Plural forms by the rules of a language.
export type Forms = Partial<Record<Intl.LDMLPluralRule, string>> & { other: string };

/** Chooses a form for `count` and writes the number where `#` stands. */
export function plural(count: number, forms: Forms, locale = 'en'): string {
  const form = forms[new Intl.PluralRules(locale).select(count)] ?? forms.other;
  return form.replace('#', new Intl.NumberFormat(locale).format(count));
}
