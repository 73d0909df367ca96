"""Finding cases, messages and people by their words, under the policy that guards the pages."""
