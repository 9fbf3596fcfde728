"""The status we answer to the steps: cases whose recorded answer was not kept.

These statuses are read from the contract's chapters and its register, not recorded; they show at
once when a step did not have the effect that later cases build on.
"""

from collections.abc import Mapping

_BY_STATUS: Mapping[int, tuple[str, ...]] = {
    200: (
        "002-v2-team-list-empty",
        "004-team-available",
        "006-team-new-empty-object",
        "008-team-new-every-plain-field",
        "018-team-new-zero-budget",
        "020-team-new-budget-numeric-string",
        "034-team-new-tags-premium",  # no licence
        "036-organization-new",
        "038-team-new-in-org-second-60-of-100",
        "048-user-new-u1",
        "050-user-new-u3",
        "052-key-generate-u1",
        "054-key-generate-team-a",
        "056-key-generate-u1-in-team-a-before-membership",  # check: by a proxy admin, auth.md 4
        "060-member-add-by-email",
        "062-member-add-new-id",
        "066-member-add-list-some-there-in-a-team-with-member-budgets",  # D27
        "068-team-info-after-failed-list-adds",
        "070-member-add-list-plain",
        "080-member-add-admin-role",  # no licence
        "084-key-generate-u1-in-team-a",
        "086-bulk-add-again",
        "090-bulk-add-admin",  # no licence
        "092-team-info",
        "094-team-list",
        "096-team-list-by-org",
        "098-v2-team-list",
        "100-v2-team-list-past-the-end",
        "106-v2-team-list-sort-unknown-column",
        "108-v2-team-list-alias-part",
        "110-v2-team-list-by-user",
        "116-team-filter-ui",
        "118-team-update-budget",
        "120-team-update-null-budget",
        "130-team-model-add-again",
        "134-team-permissions-update",
        "136-member-update-budget",
        "138-member-update-by-email",
        "140-member-update-role-admin",  # no licence
        "144-team-info-after-member-updates",
        "170-auth-user-key-team-info",
        "178-auth-user-key-own-team-list",
        "180-auth-user-key-own-v2-team-list",
        "182-auth-team-key-own-team-info",
        "186-team-block",
        "190-member-add-to-blocked-team",
        "200-team-info-after-member-deletes",
        "204-team-delete-empty-list",
        "206-team-delete-same-twice",  # D27, D29
        "208-team-delete-with-keys",
        "210-v2-team-list-left-after-the-failed-double-delete",
        "214-team-new-reusing-a-deleted-id",
    ),
    400: (
        "010-team-new-duplicate-id",
        "012-team-new-negative-max-budget",
        "014-team-new-negative-member-budget",
        "016-team-new-soft-above-max",
        "040-team-new-org-over-tpm",  # D05
        "042-team-new-org-model-not-allowed",
        "058-member-add-already-in-team",
        "064-member-add-with-negative-budget",  # D33
        "072-member-add-list-all-there",
        "074-member-add-empty-list",  # check: team-api.md 3.9 calls it "all duplicates"
        "088-bulk-add-501",
        "114-v2-team-list-bad-status",
        "122-team-update-negative-budget",
        "124-team-update-max-below-existing-soft",
        "142-member-update-unknown-team",
        "194-member-delete-again",
        "196-member-delete-unknown-member",
    ),
    401: (
        "146-auth-no-key-team-info",
        "148-auth-no-key-v2-team-list",
        "150-auth-no-key-team-update",
        "152-auth-no-key-team-delete",
        "154-auth-wrong-key-team-info",
        "156-auth-wrong-key-v2-team-list",
        "158-auth-wrong-key-team-update",
        "160-auth-wrong-key-team-delete",
        "162-auth-key-not-sk-team-info",
        "164-auth-key-not-sk-v2-team-list",
        "166-auth-key-not-sk-team-update",
        "168-auth-key-not-sk-team-delete",
        "172-auth-user-key-v2-team-list",
        "174-auth-user-key-team-update",
        "176-auth-user-key-team-delete",
        "184-auth-malformed-header",
        "212-auth-key-of-deleted-team",
    ),
    403: ("046-team-update-into-org",),  # all models may not move to where only one is allowed
    404: (
        "044-team-new-unknown-org",  # check: D61 allows 400 too
        "076-member-add-missing-team",
        "112-v2-team-list-user-not-in-team",
        "132-team-model-add-unknown-team",
        "188-team-block-unknown",
        "192-team-unblock-unknown",
        "202-team-delete-one-of-two-unknown",
    ),
    422: (
        "022-team-new-metadata-not-object",
        "024-team-new-bad-duration",  # D36
        "026-team-new-empty-id",  # D34
        "028-team-new-bad-role",
        "030-team-new-malformed-json",
        "032-team-new-no-body",
        "078-member-add-no-role",
        "082-member-add-without-team-id",
        "102-v2-team-list-size-0",
        "104-v2-team-list-size-101",
        "126-team-update-no-id",
        "128-team-update-bad-duration",  # D36
        "198-member-delete-no-ids",
    ),
}

STEP_STATUS: Mapping[str, int] = {
    case: status for status, cases in _BY_STATUS.items() for case in cases
}
