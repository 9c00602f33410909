"""Everything there is in the first version."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_KINDS = (
    "orgs",
    "academic_sessions",
    "courses",
    "classes",
    "users",
    "roles",
    "enrollments",
    "demographics",
)


def upgrade() -> None:
    op.create_table(
        "approval_rows",
        sa.Column("approval_id", sa.BigInteger(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("sourced_id", sa.Text(), nullable=False),
        sa.Column("new_external_id", sa.Text(), nullable=True),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'proposed'"), nullable=False),
        sa.CheckConstraint(
            "state IN ('proposed', 'done', 'moved')", name=op.f("ck_approval_rows_state")
        ),
        sa.PrimaryKeyConstraint("approval_id", "external_id", name=op.f("pk_approval_rows")),
    )
    op.create_table(
        "approvals",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("app_id", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("op", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("school", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("counts", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.CheckConstraint("op IN ('remove', 'rename')", name=op.f("ck_approvals_op")),
        sa.CheckConstraint(
            "state IN ('pending', 'approved', 'rejected', 'lapsed', 'replaced')",
            name=op.f("ck_approvals_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
    )
    op.create_index("ix_approvals_app_id_state", "approvals", ["app_id", "state"], unique=False)
    op.create_index(
        "ix_approvals_deadline_at",
        "approvals",
        ["deadline_at"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
        sqlite_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "ix_approvals_tenant_id_state", "approvals", ["tenant_id", "state"], unique=False
    )
    op.create_table(
        "change_log",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=True),
        sa.Column("app_id", sa.BigInteger(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=True),
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sourced_id", sa.Text(), nullable=False),
        sa.Column("op", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("op IN ('update', 'remove', 'restore')", name=op.f("ck_change_log_op")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_change_log")),
    )
    op.create_index("ix_change_log_at", "change_log", ["tenant_id", "kind", "at"], unique=False)
    op.create_index("ix_change_log_job_id", "change_log", ["job_id"], unique=False)
    op.create_index(
        "ix_change_log_record", "change_log", ["tenant_id", "kind", "sourced_id"], unique=False
    )
    op.create_table(
        "conflicts",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("app_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("sourced_id", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("base", sa.Text(), nullable=True),
        sa.Column("ours", sa.Text(), nullable=True),
        sa.Column("theirs", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=True),
        sa.Column("value", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('open', 'resolved', 'gone')", name=op.f("ck_conflicts_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conflicts")),
    )
    op.create_index(
        "ix_conflicts_tenant_id_state", "conflicts", ["tenant_id", "state"], unique=False
    )
    op.create_index(
        "uq_conflicts_open",
        "conflicts",
        ["app_id", "kind", "external_id", "field"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
        sqlite_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "disclosed_fields",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("app_id", sa.BigInteger(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disclosed_fields")),
        sa.UniqueConstraint("app_id", "fields", name=op.f("uq_disclosed_fields_app_id_fields")),
    )
    op.create_table(
        "disclosures",
        sa.Column("app_id", sa.BigInteger(), nullable=False),
        sa.Column("sourced_id", sa.Text(), nullable=False),
        sa.Column("since_job", sa.BigInteger(), nullable=False),
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("fields_id", sa.BigInteger(), nullable=False),
        sa.Column("since_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_job", sa.BigInteger(), nullable=True),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("app_id", "sourced_id", "since_job", name=op.f("pk_disclosures")),
    )
    op.create_index(
        "ix_disclosures_record", "disclosures", ["tenant_id", "sourced_id"], unique=False
    )
    op.create_table(
        "hub_academic_sessions",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("sourced_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'active'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("date_last_modified", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_job", sa.BigInteger(), nullable=False),
        sa.Column("last_job", sa.BigInteger(), nullable=False),
        sa.Column("last_app", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column("start_date", sa.Text(), nullable=True),
        sa.Column("end_date", sa.Text(), nullable=True),
        sa.Column("parent_sourced_id", sa.Text(), nullable=True),
        sa.Column("school_year", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "status IN ('active', 'tobedeleted')", name=op.f("ck_hub_academic_sessions_status")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "sourced_id", name=op.f("pk_hub_academic_sessions")),
    )
    op.create_table(
        "hub_classes",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("sourced_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'active'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("date_last_modified", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_job", sa.BigInteger(), nullable=False),
        sa.Column("last_job", sa.BigInteger(), nullable=False),
        sa.Column("last_app", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("grades", sa.Text(), nullable=True),
        sa.Column("course_sourced_id", sa.Text(), nullable=True),
        sa.Column("class_code", sa.Text(), nullable=True),
        sa.Column("class_type", sa.Text(), nullable=True),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("school_sourced_id", sa.Text(), nullable=True),
        sa.Column("term_sourced_ids", sa.Text(), nullable=True),
        sa.Column("subjects", sa.Text(), nullable=True),
        sa.Column("subject_codes", sa.Text(), nullable=True),
        sa.Column("periods", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "status IN ('active', 'tobedeleted')", name=op.f("ck_hub_classes_status")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "sourced_id", name=op.f("pk_hub_classes")),
    )
    op.create_table(
        "hub_courses",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("sourced_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'active'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("date_last_modified", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_job", sa.BigInteger(), nullable=False),
        sa.Column("last_job", sa.BigInteger(), nullable=False),
        sa.Column("last_app", sa.BigInteger(), nullable=False),
        sa.Column("school_year_sourced_id", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("course_code", sa.Text(), nullable=True),
        sa.Column("grades", sa.Text(), nullable=True),
        sa.Column("org_sourced_id", sa.Text(), nullable=True),
        sa.Column("subjects", sa.Text(), nullable=True),
        sa.Column("subject_codes", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "status IN ('active', 'tobedeleted')", name=op.f("ck_hub_courses_status")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "sourced_id", name=op.f("pk_hub_courses")),
    )
    op.create_table(
        "hub_demographics",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("sourced_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'active'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("date_last_modified", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_job", sa.BigInteger(), nullable=False),
        sa.Column("last_job", sa.BigInteger(), nullable=False),
        sa.Column("last_app", sa.BigInteger(), nullable=False),
        sa.Column("user_sourced_id", sa.Text(), nullable=True),
        sa.Column("birth_date", sa.Text(), nullable=True),
        sa.Column("sex", sa.Text(), nullable=True),
        sa.Column("american_indian_or_alaska_native", sa.Text(), nullable=True),
        sa.Column("asian", sa.Text(), nullable=True),
        sa.Column("black_or_african_american", sa.Text(), nullable=True),
        sa.Column("native_hawaiian_or_other_pacific_islander", sa.Text(), nullable=True),
        sa.Column("white", sa.Text(), nullable=True),
        sa.Column("demographic_race_two_or_more_races", sa.Text(), nullable=True),
        sa.Column("hispanic_or_latino_ethnicity", sa.Text(), nullable=True),
        sa.Column("country_of_birth_code", sa.Text(), nullable=True),
        sa.Column("state_of_birth_abbreviation", sa.Text(), nullable=True),
        sa.Column("city_of_birth", sa.Text(), nullable=True),
        sa.Column("public_school_residence_status", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "status IN ('active', 'tobedeleted')", name=op.f("ck_hub_demographics_status")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "sourced_id", name=op.f("pk_hub_demographics")),
    )
    op.create_index(
        "ix_hub_demographics_user",
        "hub_demographics",
        ["tenant_id", "user_sourced_id"],
        unique=False,
    )
    op.create_table(
        "hub_enrollments",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("sourced_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'active'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("date_last_modified", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_job", sa.BigInteger(), nullable=False),
        sa.Column("last_job", sa.BigInteger(), nullable=False),
        sa.Column("last_app", sa.BigInteger(), nullable=False),
        sa.Column("class_sourced_id", sa.Text(), nullable=True),
        sa.Column("school_sourced_id", sa.Text(), nullable=True),
        sa.Column("user_sourced_id", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column("is_primary", sa.Text(), nullable=True),
        sa.Column("begin_date", sa.Text(), nullable=True),
        sa.Column("end_date", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "status IN ('active', 'tobedeleted')", name=op.f("ck_hub_enrollments_status")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "sourced_id", name=op.f("pk_hub_enrollments")),
    )
    op.create_index(
        "ix_hub_enrollments_class",
        "hub_enrollments",
        ["tenant_id", "class_sourced_id"],
        unique=False,
    )
    op.create_index(
        "ix_hub_enrollments_user", "hub_enrollments", ["tenant_id", "user_sourced_id"], unique=False
    )
    op.create_table(
        "hub_orgs",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("sourced_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'active'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("date_last_modified", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_job", sa.BigInteger(), nullable=False),
        sa.Column("last_job", sa.BigInteger(), nullable=False),
        sa.Column("last_app", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column("identifier", sa.Text(), nullable=True),
        sa.Column("parent_sourced_id", sa.Text(), nullable=True),
        sa.CheckConstraint("status IN ('active', 'tobedeleted')", name=op.f("ck_hub_orgs_status")),
        sa.PrimaryKeyConstraint("tenant_id", "sourced_id", name=op.f("pk_hub_orgs")),
    )
    op.create_table(
        "hub_roles",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("sourced_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'active'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("date_last_modified", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_job", sa.BigInteger(), nullable=False),
        sa.Column("last_job", sa.BigInteger(), nullable=False),
        sa.Column("last_app", sa.BigInteger(), nullable=False),
        sa.Column("user_sourced_id", sa.Text(), nullable=True),
        sa.Column("role_type", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column("begin_date", sa.Text(), nullable=True),
        sa.Column("end_date", sa.Text(), nullable=True),
        sa.Column("org_sourced_id", sa.Text(), nullable=True),
        sa.CheckConstraint("status IN ('active', 'tobedeleted')", name=op.f("ck_hub_roles_status")),
        sa.PrimaryKeyConstraint("tenant_id", "sourced_id", name=op.f("pk_hub_roles")),
    )
    op.create_index(
        "ix_hub_roles_user", "hub_roles", ["tenant_id", "user_sourced_id"], unique=False
    )
    op.create_table(
        "hub_users",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("sourced_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'active'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("date_last_modified", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_job", sa.BigInteger(), nullable=False),
        sa.Column("last_job", sa.BigInteger(), nullable=False),
        sa.Column("last_app", sa.BigInteger(), nullable=False),
        sa.Column("enabled_user", sa.Text(), nullable=True),
        sa.Column("username", sa.Text(), nullable=True),
        sa.Column("user_ids", sa.Text(), nullable=True),
        sa.Column("given_name", sa.Text(), nullable=True),
        sa.Column("family_name", sa.Text(), nullable=True),
        sa.Column("middle_name", sa.Text(), nullable=True),
        sa.Column("identifier", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("sms", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("agent_sourced_ids", sa.Text(), nullable=True),
        sa.Column("grades", sa.Text(), nullable=True),
        sa.Column("user_master_identifier", sa.Text(), nullable=True),
        sa.Column("preferred_given_name", sa.Text(), nullable=True),
        sa.Column("preferred_middle_name", sa.Text(), nullable=True),
        sa.Column("preferred_family_name", sa.Text(), nullable=True),
        sa.Column("primary_org_sourced_id", sa.Text(), nullable=True),
        sa.Column("pronouns", sa.Text(), nullable=True),
        sa.CheckConstraint("status IN ('active', 'tobedeleted')", name=op.f("ck_hub_users_status")),
        sa.PrimaryKeyConstraint("tenant_id", "sourced_id", name=op.f("pk_hub_users")),
    )
    op.create_index(
        "ix_hub_users_identifier", "hub_users", ["tenant_id", "identifier"], unique=False
    )
    op.create_table(
        "hubs",
        sa.Column("tenant_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_hubs")),
    )
    op.create_table(
        "judged_pairs",
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("first", sa.Text(), nullable=False),
        sa.Column("second", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "verdict IN ('merged', 'distinct')", name=op.f("ck_judged_pairs_verdict")
        ),
        sa.PrimaryKeyConstraint(
            "tenant_id", "kind", "first", "second", name=op.f("pk_judged_pairs")
        ),
    )
    op.create_table(
        "link_academic_sessions",
        sa.Column("app_id", sa.BigInteger(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("sourced_id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("first_job", sa.BigInteger(), nullable=False),
        sa.Column("last_job", sa.BigInteger(), nullable=False),
        sa.Column("ended_job", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_why", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column("start_date", sa.Text(), nullable=True),
        sa.Column("end_date", sa.Text(), nullable=True),
        sa.Column("parent_sourced_id", sa.Text(), nullable=True),
        sa.Column("school_year", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("app_id", "external_id", name=op.f("pk_link_academic_sessions")),
    )
    op.create_index(
        "ix_link_academic_sessions_sourced_id",
        "link_academic_sessions",
        ["sourced_id", "app_id"],
        unique=False,
    )
    op.create_index(
        "ix_link_academic_sessions_undone",
        "link_academic_sessions",
        ["app_id"],
        unique=False,
        postgresql_where=sa.text("ended_why = 'undone'"),
        sqlite_where=sa.text("ended_why = 'undone'"),
    )
    op.create_table(
        "link_classes",
        sa.Column("app_id", sa.BigInteger(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("sourced_id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("first_job", sa.BigInteger(), nullable=False),
        sa.Column("last_job", sa.BigInteger(), nullable=False),
        sa.Column("ended_job", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_why", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("grades", sa.Text(), nullable=True),
        sa.Column("course_sourced_id", sa.Text(), nullable=True),
        sa.Column("class_code", sa.Text(), nullable=True),
        sa.Column("class_type", sa.Text(), nullable=True),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("school_sourced_id", sa.Text(), nullable=True),
        sa.Column("term_sourced_ids", sa.Text(), nullable=True),
        sa.Column("subjects", sa.Text(), nullable=True),
        sa.Column("subject_codes", sa.Text(), nullable=True),
        sa.Column("periods", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("app_id", "external_id", name=op.f("pk_link_classes")),
    )
    op.create_index(
        "ix_link_classes_sourced_id", "link_classes", ["sourced_id", "app_id"], unique=False
    )
    op.create_index(
        "ix_link_classes_undone",
        "link_classes",
        ["app_id"],
        unique=False,
        postgresql_where=sa.text("ended_why = 'undone'"),
        sqlite_where=sa.text("ended_why = 'undone'"),
    )
    op.create_table(
        "link_courses",
        sa.Column("app_id", sa.BigInteger(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("sourced_id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("first_job", sa.BigInteger(), nullable=False),
        sa.Column("last_job", sa.BigInteger(), nullable=False),
        sa.Column("ended_job", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_why", sa.Text(), nullable=True),
        sa.Column("school_year_sourced_id", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("course_code", sa.Text(), nullable=True),
        sa.Column("grades", sa.Text(), nullable=True),
        sa.Column("org_sourced_id", sa.Text(), nullable=True),
        sa.Column("subjects", sa.Text(), nullable=True),
        sa.Column("subject_codes", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("app_id", "external_id", name=op.f("pk_link_courses")),
    )
    op.create_index(
        "ix_link_courses_sourced_id", "link_courses", ["sourced_id", "app_id"], unique=False
    )
    op.create_index(
        "ix_link_courses_undone",
        "link_courses",
        ["app_id"],
        unique=False,
        postgresql_where=sa.text("ended_why = 'undone'"),
        sqlite_where=sa.text("ended_why = 'undone'"),
    )
    op.create_table(
        "link_demographics",
        sa.Column("app_id", sa.BigInteger(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("sourced_id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("first_job", sa.BigInteger(), nullable=False),
        sa.Column("last_job", sa.BigInteger(), nullable=False),
        sa.Column("ended_job", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_why", sa.Text(), nullable=True),
        sa.Column("user_sourced_id", sa.Text(), nullable=True),
        sa.Column("birth_date", sa.Text(), nullable=True),
        sa.Column("sex", sa.Text(), nullable=True),
        sa.Column("american_indian_or_alaska_native", sa.Text(), nullable=True),
        sa.Column("asian", sa.Text(), nullable=True),
        sa.Column("black_or_african_american", sa.Text(), nullable=True),
        sa.Column("native_hawaiian_or_other_pacific_islander", sa.Text(), nullable=True),
        sa.Column("white", sa.Text(), nullable=True),
        sa.Column("demographic_race_two_or_more_races", sa.Text(), nullable=True),
        sa.Column("hispanic_or_latino_ethnicity", sa.Text(), nullable=True),
        sa.Column("country_of_birth_code", sa.Text(), nullable=True),
        sa.Column("state_of_birth_abbreviation", sa.Text(), nullable=True),
        sa.Column("city_of_birth", sa.Text(), nullable=True),
        sa.Column("public_school_residence_status", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("app_id", "external_id", name=op.f("pk_link_demographics")),
    )
    op.create_index(
        "ix_link_demographics_sourced_id",
        "link_demographics",
        ["sourced_id", "app_id"],
        unique=False,
    )
    op.create_index(
        "ix_link_demographics_undone",
        "link_demographics",
        ["app_id"],
        unique=False,
        postgresql_where=sa.text("ended_why = 'undone'"),
        sqlite_where=sa.text("ended_why = 'undone'"),
    )
    op.create_table(
        "link_enrollments",
        sa.Column("app_id", sa.BigInteger(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("sourced_id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("first_job", sa.BigInteger(), nullable=False),
        sa.Column("last_job", sa.BigInteger(), nullable=False),
        sa.Column("ended_job", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_why", sa.Text(), nullable=True),
        sa.Column("class_sourced_id", sa.Text(), nullable=True),
        sa.Column("school_sourced_id", sa.Text(), nullable=True),
        sa.Column("user_sourced_id", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column("is_primary", sa.Text(), nullable=True),
        sa.Column("begin_date", sa.Text(), nullable=True),
        sa.Column("end_date", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("app_id", "external_id", name=op.f("pk_link_enrollments")),
    )
    op.create_index(
        "ix_link_enrollments_sourced_id", "link_enrollments", ["sourced_id", "app_id"], unique=False
    )
    op.create_index(
        "ix_link_enrollments_undone",
        "link_enrollments",
        ["app_id"],
        unique=False,
        postgresql_where=sa.text("ended_why = 'undone'"),
        sqlite_where=sa.text("ended_why = 'undone'"),
    )
    op.create_table(
        "link_orgs",
        sa.Column("app_id", sa.BigInteger(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("sourced_id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("first_job", sa.BigInteger(), nullable=False),
        sa.Column("last_job", sa.BigInteger(), nullable=False),
        sa.Column("ended_job", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_why", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column("identifier", sa.Text(), nullable=True),
        sa.Column("parent_sourced_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("app_id", "external_id", name=op.f("pk_link_orgs")),
    )
    op.create_index("ix_link_orgs_sourced_id", "link_orgs", ["sourced_id", "app_id"], unique=False)
    op.create_index(
        "ix_link_orgs_undone",
        "link_orgs",
        ["app_id"],
        unique=False,
        postgresql_where=sa.text("ended_why = 'undone'"),
        sqlite_where=sa.text("ended_why = 'undone'"),
    )
    op.create_table(
        "link_roles",
        sa.Column("app_id", sa.BigInteger(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("sourced_id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("first_job", sa.BigInteger(), nullable=False),
        sa.Column("last_job", sa.BigInteger(), nullable=False),
        sa.Column("ended_job", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_why", sa.Text(), nullable=True),
        sa.Column("user_sourced_id", sa.Text(), nullable=True),
        sa.Column("role_type", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column("begin_date", sa.Text(), nullable=True),
        sa.Column("end_date", sa.Text(), nullable=True),
        sa.Column("org_sourced_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("app_id", "external_id", name=op.f("pk_link_roles")),
    )
    op.create_index(
        "ix_link_roles_sourced_id", "link_roles", ["sourced_id", "app_id"], unique=False
    )
    op.create_index(
        "ix_link_roles_undone",
        "link_roles",
        ["app_id"],
        unique=False,
        postgresql_where=sa.text("ended_why = 'undone'"),
        sqlite_where=sa.text("ended_why = 'undone'"),
    )
    op.create_table(
        "link_users",
        sa.Column("app_id", sa.BigInteger(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("sourced_id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("first_job", sa.BigInteger(), nullable=False),
        sa.Column("last_job", sa.BigInteger(), nullable=False),
        sa.Column("ended_job", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_why", sa.Text(), nullable=True),
        sa.Column("enabled_user", sa.Text(), nullable=True),
        sa.Column("username", sa.Text(), nullable=True),
        sa.Column("user_ids", sa.Text(), nullable=True),
        sa.Column("given_name", sa.Text(), nullable=True),
        sa.Column("family_name", sa.Text(), nullable=True),
        sa.Column("middle_name", sa.Text(), nullable=True),
        sa.Column("identifier", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("sms", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("agent_sourced_ids", sa.Text(), nullable=True),
        sa.Column("grades", sa.Text(), nullable=True),
        sa.Column("user_master_identifier", sa.Text(), nullable=True),
        sa.Column("preferred_given_name", sa.Text(), nullable=True),
        sa.Column("preferred_middle_name", sa.Text(), nullable=True),
        sa.Column("preferred_family_name", sa.Text(), nullable=True),
        sa.Column("primary_org_sourced_id", sa.Text(), nullable=True),
        sa.Column("pronouns", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("app_id", "external_id", name=op.f("pk_link_users")),
    )
    op.create_index(
        "ix_link_users_sourced_id", "link_users", ["sourced_id", "app_id"], unique=False
    )
    op.create_index(
        "ix_link_users_undone",
        "link_users",
        ["app_id"],
        unique=False,
        postgresql_where=sa.text("ended_why = 'undone'"),
        sqlite_where=sa.text("ended_why = 'undone'"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("exchange", sa.Text(), nullable=False),
        sa.Column("routing_key", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("headers", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("mandatory", sa.Boolean(), nullable=False),
        sa.Column("relay_after", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index("ix_outbox_relay_after", "outbox", ["relay_after"], unique=False)
    op.create_table(
        "plan_rows",
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("app_id", sa.BigInteger(), nullable=False),
        sa.Column("op", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("sourced_id", sa.Text(), nullable=True),
        sa.Column("school", sa.Text(), nullable=True),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("job_id", "n", name=op.f("pk_plan_rows")),
    )
    op.create_index("ix_plan_rows_app_id", "plan_rows", ["app_id"], unique=False)
    op.create_table(
        "quarantine",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("app_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("found_by", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("found_by IN ('connector', 'hub')", name=op.f("ck_quarantine_found_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
    )
    op.create_index("ix_quarantine_job_id", "quarantine", ["job_id"], unique=False)
    op.create_table(
        "stage_absences",
        sa.Column("app_id", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("sourced_id", sa.Text(), nullable=False),
        sa.Column("school", sa.Text(), nullable=True),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
    )
    op.create_index(
        "ix_stage_absences_job_id_kind", "stage_absences", ["job_id", "kind"], unique=False
    )
    op.create_table(
        "stage_unseen",
        sa.Column("app_id", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
    )
    op.create_index("ix_stage_unseen_job_id_kind", "stage_unseen", ["job_id", "kind"], unique=False)
    op.create_table(
        "stage_disclosures",
        sa.Column("app_id", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("sourced_id", sa.Text(), nullable=False),
        sa.Column("shown_as", sa.Text(), nullable=False),
    )
    op.create_index(
        "ix_stage_disclosures_job_id_sourced_id",
        "stage_disclosures",
        ["job_id", "sourced_id"],
        unique=False,
    )
    op.create_table(
        "mask_keys",
        sa.Column("app_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("app_id", name=op.f("pk_mask_keys")),
    )
    op.create_table(
        "stage_academic_sessions",
        sa.Column("app_id", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("sourced_id", sa.Text(), nullable=True),
        sa.Column("is_new", sa.Integer(), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column("start_date", sa.Text(), nullable=True),
        sa.Column("end_date", sa.Text(), nullable=True),
        sa.Column("parent_sourced_id", sa.Text(), nullable=True),
        sa.Column("school_year", sa.Text(), nullable=True),
        sa.Column("raw_parent_sourced_id", sa.Text(), nullable=True),
    )
    op.create_table(
        "stage_classes",
        sa.Column("app_id", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("sourced_id", sa.Text(), nullable=True),
        sa.Column("is_new", sa.Integer(), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("grades", sa.Text(), nullable=True),
        sa.Column("course_sourced_id", sa.Text(), nullable=True),
        sa.Column("class_code", sa.Text(), nullable=True),
        sa.Column("class_type", sa.Text(), nullable=True),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("school_sourced_id", sa.Text(), nullable=True),
        sa.Column("term_sourced_ids", sa.Text(), nullable=True),
        sa.Column("subjects", sa.Text(), nullable=True),
        sa.Column("subject_codes", sa.Text(), nullable=True),
        sa.Column("periods", sa.Text(), nullable=True),
        sa.Column("raw_course_sourced_id", sa.Text(), nullable=True),
        sa.Column("raw_school_sourced_id", sa.Text(), nullable=True),
        sa.Column("raw_term_sourced_ids", sa.Text(), nullable=True),
    )
    op.create_table(
        "stage_courses",
        sa.Column("app_id", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("sourced_id", sa.Text(), nullable=True),
        sa.Column("is_new", sa.Integer(), nullable=True),
        sa.Column("school_year_sourced_id", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("course_code", sa.Text(), nullable=True),
        sa.Column("grades", sa.Text(), nullable=True),
        sa.Column("org_sourced_id", sa.Text(), nullable=True),
        sa.Column("subjects", sa.Text(), nullable=True),
        sa.Column("subject_codes", sa.Text(), nullable=True),
        sa.Column("raw_school_year_sourced_id", sa.Text(), nullable=True),
        sa.Column("raw_org_sourced_id", sa.Text(), nullable=True),
    )
    op.create_table(
        "stage_demographics",
        sa.Column("app_id", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("sourced_id", sa.Text(), nullable=True),
        sa.Column("is_new", sa.Integer(), nullable=True),
        sa.Column("user_sourced_id", sa.Text(), nullable=True),
        sa.Column("birth_date", sa.Text(), nullable=True),
        sa.Column("sex", sa.Text(), nullable=True),
        sa.Column("american_indian_or_alaska_native", sa.Text(), nullable=True),
        sa.Column("asian", sa.Text(), nullable=True),
        sa.Column("black_or_african_american", sa.Text(), nullable=True),
        sa.Column("native_hawaiian_or_other_pacific_islander", sa.Text(), nullable=True),
        sa.Column("white", sa.Text(), nullable=True),
        sa.Column("demographic_race_two_or_more_races", sa.Text(), nullable=True),
        sa.Column("hispanic_or_latino_ethnicity", sa.Text(), nullable=True),
        sa.Column("country_of_birth_code", sa.Text(), nullable=True),
        sa.Column("state_of_birth_abbreviation", sa.Text(), nullable=True),
        sa.Column("city_of_birth", sa.Text(), nullable=True),
        sa.Column("public_school_residence_status", sa.Text(), nullable=True),
        sa.Column("raw_user_sourced_id", sa.Text(), nullable=True),
    )
    op.create_table(
        "stage_enrollments",
        sa.Column("app_id", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("sourced_id", sa.Text(), nullable=True),
        sa.Column("is_new", sa.Integer(), nullable=True),
        sa.Column("class_sourced_id", sa.Text(), nullable=True),
        sa.Column("school_sourced_id", sa.Text(), nullable=True),
        sa.Column("user_sourced_id", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column("is_primary", sa.Text(), nullable=True),
        sa.Column("begin_date", sa.Text(), nullable=True),
        sa.Column("end_date", sa.Text(), nullable=True),
        sa.Column("raw_class_sourced_id", sa.Text(), nullable=True),
        sa.Column("raw_school_sourced_id", sa.Text(), nullable=True),
        sa.Column("raw_user_sourced_id", sa.Text(), nullable=True),
    )
    op.create_table(
        "stage_orgs",
        sa.Column("app_id", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("sourced_id", sa.Text(), nullable=True),
        sa.Column("is_new", sa.Integer(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column("identifier", sa.Text(), nullable=True),
        sa.Column("parent_sourced_id", sa.Text(), nullable=True),
        sa.Column("raw_parent_sourced_id", sa.Text(), nullable=True),
    )
    op.create_table(
        "stage_roles",
        sa.Column("app_id", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("sourced_id", sa.Text(), nullable=True),
        sa.Column("is_new", sa.Integer(), nullable=True),
        sa.Column("user_sourced_id", sa.Text(), nullable=True),
        sa.Column("role_type", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=True),
        sa.Column("begin_date", sa.Text(), nullable=True),
        sa.Column("end_date", sa.Text(), nullable=True),
        sa.Column("org_sourced_id", sa.Text(), nullable=True),
        sa.Column("raw_user_sourced_id", sa.Text(), nullable=True),
        sa.Column("raw_org_sourced_id", sa.Text(), nullable=True),
    )
    op.create_table(
        "stage_users",
        sa.Column("app_id", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("sourced_id", sa.Text(), nullable=True),
        sa.Column("is_new", sa.Integer(), nullable=True),
        sa.Column("enabled_user", sa.Text(), nullable=True),
        sa.Column("username", sa.Text(), nullable=True),
        sa.Column("user_ids", sa.Text(), nullable=True),
        sa.Column("given_name", sa.Text(), nullable=True),
        sa.Column("family_name", sa.Text(), nullable=True),
        sa.Column("middle_name", sa.Text(), nullable=True),
        sa.Column("identifier", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("sms", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("agent_sourced_ids", sa.Text(), nullable=True),
        sa.Column("grades", sa.Text(), nullable=True),
        sa.Column("user_master_identifier", sa.Text(), nullable=True),
        sa.Column("preferred_given_name", sa.Text(), nullable=True),
        sa.Column("preferred_middle_name", sa.Text(), nullable=True),
        sa.Column("preferred_family_name", sa.Text(), nullable=True),
        sa.Column("primary_org_sourced_id", sa.Text(), nullable=True),
        sa.Column("pronouns", sa.Text(), nullable=True),
        sa.Column("raw_agent_sourced_ids", sa.Text(), nullable=True),
        sa.Column("raw_primary_org_sourced_id", sa.Text(), nullable=True),
    )
    op.create_table(
        "tenants",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("suspended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("suspended_reason", sa.Text(), nullable=True),
        sa.Column("max_concurrent", sa.Integer(), server_default=sa.text("4"), nullable=False),
        sa.Column("wave", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("rollover_scope", sa.Text(), nullable=True),
        sa.Column("rollover_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rollover_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rules", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "rollover_scope IN ('imports', 'removals')", name=op.f("ck_tenants_rollover_scope")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenants")),
        sa.UniqueConstraint("name", name=op.f("uq_tenants_name")),
    )
    op.create_table(
        "vendor_writes",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("app_id", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("values", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("based_job", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('intended', 'confirmed', 'rejected')", name=op.f("ck_vendor_writes_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vendor_writes")),
        sa.UniqueConstraint(
            "job_id",
            "attempt",
            "kind",
            "external_id",
            name=op.f("uq_vendor_writes_job_id_attempt_kind_external_id"),
        ),
    )
    op.create_index("ix_vendor_writes_app_id_key", "vendor_writes", ["app_id", "key"], unique=False)
    op.create_index(
        "ix_vendor_writes_not_based",
        "vendor_writes",
        ["app_id"],
        unique=False,
        postgresql_where=sa.text("based_job IS NULL"),
        sqlite_where=sa.text("based_job IS NULL"),
    )
    op.create_table(
        "renderings",
        sa.Column("app_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("sent", sa.Text(), nullable=True),
        sa.Column("held", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint(
            "app_id", "kind", "external_id", "field", name=op.f("pk_renderings")
        ),
    )
    op.create_table(
        "apps",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("tenant_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("modes", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("after_app_id", ID, nullable=True),
        sa.Column("config", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("secrets", sa.Text(), nullable=True),
        sa.Column("upstream_failed", sa.Text(), server_default=sa.text("'run'"), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_reason", sa.Text(), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_outcome", sa.Text(), nullable=True),
        sa.Column("last_wave", sa.Integer(), nullable=True),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("rules", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("scope", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("tier IN ('import', 'two_way', 'export')", name=op.f("ck_apps_tier")),
        sa.CheckConstraint(
            "upstream_failed IN ('run', 'skip')", name=op.f("ck_apps_upstream_failed")
        ),
        sa.ForeignKeyConstraint(
            ["after_app_id"], ["apps.id"], name=op.f("fk_apps_after_app_id_apps")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_apps_tenant_id_tenants")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_apps")),
    )
    op.create_index(
        "uq_apps_tenant_id_name",
        "apps",
        ["tenant_id", "name"],
        unique=True,
        postgresql_where=sa.text("removed_at IS NULL"),
        sqlite_where=sa.text("removed_at IS NULL"),
    )
    op.create_table(
        "jobs",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("tenant_id", ID, nullable=False),
        sa.Column("app_id", ID, nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("last_wave", sa.Integer(), nullable=False),
        sa.Column("approval_id", ID, nullable=True),
        sa.Column("retry_of", ID, nullable=True),
        sa.Column("asked_by", sa.Text(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("republished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("republished", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("progress", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("counts", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("certificate", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("plan", sa.JSON(none_as_null=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'running') = (lease_until IS NOT NULL)", name=op.f("ck_jobs_lease_until")
        ),
        sa.CheckConstraint(
            "(state IN ('held', 'queued', 'running')) = (finished_at IS NULL)",
            name=op.f("ck_jobs_finished_at"),
        ),
        sa.CheckConstraint("mode IN ('full', 'incremental')", name=op.f("ck_jobs_mode")),
        sa.CheckConstraint(
            "state IN ('held', 'queued', 'running', 'succeeded', 'failed', 'skipped', 'cancelled')",
            name=op.f("ck_jobs_state"),
        ),
        sa.CheckConstraint("tier IN ('import', 'two_way', 'export')", name=op.f("ck_jobs_tier")),
        sa.CheckConstraint(
            "trigger IN ('schedule', 'run_now', 'cascade', 'retry', 'approval', 'plan')",
            name=op.f("ck_jobs_trigger"),
        ),
        sa.CheckConstraint("wave <= last_wave", name=op.f("ck_jobs_waves")),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_jobs_app_id_apps")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_jobs_tenant_id_tenants")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    op.create_index("ix_jobs_app_id_id", "jobs", ["app_id", "id"], unique=False)
    op.create_index(
        "ix_jobs_lease",
        "jobs",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("state = 'running'"),
        sqlite_where=sa.text("state = 'running'"),
    )
    op.create_index(
        "ix_jobs_queued",
        "jobs",
        ["tier", "queued_at"],
        unique=False,
        postgresql_where=sa.text("state = 'queued'"),
        sqlite_where=sa.text("state = 'queued'"),
    )
    op.create_index("ix_jobs_tenant_id_id", "jobs", ["tenant_id", "id"], unique=False)
    op.create_index(
        "ix_jobs_unfinished",
        "jobs",
        ["tenant_id"],
        unique=False,
        postgresql_where=sa.text("state IN ('held', 'queued', 'running')"),
        sqlite_where=sa.text("state IN ('held', 'queued', 'running')"),
    )
    op.create_index(
        "uq_jobs_active",
        "jobs",
        ["app_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('queued', 'running')"),
        sqlite_where=sa.text("state IN ('queued', 'running')"),
    )
    op.create_table(
        "schedules",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("tenant_id", ID, nullable=False),
        sa.Column("app_id", ID, nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("recurrence", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("next_run_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_wall", sa.Text(), nullable=True),
        sa.Column("zone_version", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("mode IN ('full', 'incremental')", name=op.f("ck_schedules_mode")),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_schedules_app_id_apps")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_schedules_tenant_id_tenants")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedules")),
    )
    op.create_index(
        "ix_schedules_due",
        "schedules",
        ["next_run_at"],
        unique=False,
        postgresql_where=sa.text("next_run_at IS NOT NULL"),
        sqlite_where=sa.text("next_run_at IS NOT NULL"),
    )
    op.create_index(
        "uq_schedules_app_id_mode",
        "schedules",
        ["app_id", "mode"],
        unique=True,
        postgresql_where=sa.text("removed_at IS NULL"),
        sqlite_where=sa.text("removed_at IS NULL"),
    )
    op.create_table(
        "inbox",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("job_id", ID, nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_inbox_job_id_jobs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
        sa.UniqueConstraint("user_id", "message_id", name=op.f("uq_inbox_user_id_message_id")),
    )
    op.create_index("ix_inbox_received_at", "inbox", ["received_at"], unique=False)
    op.create_table(
        "job_events",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("job_id", ID, nullable=False),
        sa.Column("from_state", sa.Text(), nullable=True),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_job_events_job_id_jobs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_events")),
    )
    op.create_index("ix_job_events_job_id_id", "job_events", ["job_id", "id"], unique=False)
    op.create_table(
        "slots",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("schedule_id", ID, nullable=False),
        sa.Column("slot", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wall", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("job_id", ID, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('fired', 'coalesced', 'skipped')", name=op.f("ck_slots_outcome")
        ),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_slots_job_id_jobs")),
        sa.ForeignKeyConstraint(
            ["schedule_id"], ["schedules.id"], name=op.f("fk_slots_schedule_id_schedules")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slots")),
        sa.UniqueConstraint("schedule_id", "slot", name=op.f("uq_slots_schedule_id_slot")),
    )
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    for kind in _KINDS:
        columns = ["job_id"] if is_postgresql else ["job_id", "external_id"]
        op.create_index(f"ix_stage_{kind}_{'_'.join(columns)}", f"stage_{kind}", columns)
    if is_postgresql:
        # what a crash of the server loses in staging is found missing before it is applied
        for kind in _KINDS:
            op.execute(f"ALTER TABLE stage_{kind} SET UNLOGGED, SET (fillfactor = 30)")
        op.execute("ALTER TABLE stage_absences SET UNLOGGED")
        op.execute("ALTER TABLE stage_unseen SET UNLOGGED")
        op.execute("ALTER TABLE stage_disclosures SET UNLOGGED")
