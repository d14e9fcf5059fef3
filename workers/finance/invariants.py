"""What must hold in the books of finance at any time; `orderflow audit` proves it. Money is never made or lost."""

from shared.audit import Invariant

INVARIANTS: tuple[Invariant, ...] = (
    Invariant(
        "finance.exposure_differs",
        """
        select a.customer, concat('exposure ', a.exposure_minor, ', holds ', coalesce(h.total, 0),
            ', open items ', coalesce(i.total, 0))
        from finance.accounts a
        left join (
            select customer, sum(open_minor) as total from finance.credit_holds group by customer
        ) h using (customer)
        left join (
            select customer, sum(amount_minor) as total from finance.open_items group by customer
        ) i using (customer)
        where a.exposure_minor <> coalesce(h.total, 0) + coalesce(i.total, 0)
        """,
    ),
    Invariant(
        "finance.counted_in_another_currency",
        """
        select h.order_id::text, concat('customer ', h.customer, ', hold in ', h.currency, ', account in ', a.currency)
        from finance.credit_holds h left join finance.accounts a using (customer)
        where h.open_minor > 0 and a.currency is distinct from h.currency
        union all
        select concat(i.customer, ' ', i.reference), concat('item in ', i.currency, ', account in ', a.currency)
        from finance.open_items i join finance.accounts a using (customer)
        where i.amount_minor > 0 and a.currency <> i.currency
        """,
    ),
    Invariant(
        "finance.hold_differs",
        """
        select h.order_id::text, concat('hold of ', h.amount_minor, ', open ', h.open_minor, '; the order was paid ',
            r.received_minor, ' of ', r.due_minor)
        from finance.credit_holds h left join finance.receivables r using (order_id)
        where h.released_at is null and h.open_minor <> coalesce(round(
            h.amount_minor::numeric * greatest(r.due_minor - r.received_minor, 0) / nullif(r.due_minor, 0)), 0)
        """,
    ),
    Invariant(
        "finance.hold_outlives_order",
        """
        select h.order_id::text, concat('the order is ', o.state, ', its hold has ', h.open_minor, ' open')
        from finance.credit_holds h join core.orders o on o.id = h.order_id
        where h.open_minor > 0 and o.state in ('returned', 'cancelled', 'purged', 'replaced')
        """,
    ),
    Invariant(
        "finance.received_differs",
        """
        select r.order_id::text, concat('received ', r.received_minor, ', payments ', coalesce(p.total, 0))
        from finance.receivables r left join (
            select order_id, currency, sum(amount_minor) as total from finance.payments group by order_id, currency
        ) p using (order_id, currency)
        where r.received_minor <> coalesce(p.total, 0)
        """,
    ),
    Invariant(
        "finance.payments_misallocated",
        """
        select order_id::text, concat('paid ', coalesce(p.total, 0), ', owed ', coalesce(r.due_minor, 0),
            ', customer credit ', coalesce(c.amount_minor, 0), ' ', currency)
        from (
            select order_id, currency, sum(amount_minor) as total from finance.payments
            where order_id is not null group by order_id, currency
        ) p
        full join finance.customer_credits c using (order_id, currency)
        left join finance.receivables r using (order_id, currency)
        where greatest(coalesce(p.total, 0) - coalesce(r.due_minor, 0), 0) <> coalesce(c.amount_minor, 0)
        """,
    ),
    Invariant(
        "finance.voucher_unbalanced",
        """
        select number, concat('debit ', receivable_minor, ', credit ', revenue_minor + output_tax_minor)
        from finance.vouchers where receivable_minor <> revenue_minor + output_tax_minor
        """,
    ),
    Invariant(
        "finance.billed_twice",
        """
        select order_id::text, concat(count(*), ' vouchers in force for ', coalesce(delivery_note, 'the order'))
        from finance.vouchers where reverses is null and reversed_at is null
        group by order_id, delivery_note having count(*) > 1
        union all
        select voucher, concat(count(*), ' invoices of one voucher') from finance.invoices
        group by voucher having count(*) > 1
        """,
    ),
    Invariant(
        "finance.invoiced_differs",
        """
        select r.order_id::text, concat('invoices ', coalesce(i.total, 0), ', counted ', coalesce(r.invoiced_minor, 0),
            ', owed ', r.due_minor)
        from finance.receivables r left join (
            select order_id, sum(amount_minor) as total from finance.invoices group by order_id
        ) i using (order_id)
        where coalesce(i.total, 0) <> coalesce(r.invoiced_minor, 0) or r.invoiced_minor > r.due_minor
        """,
    ),
    Invariant(
        "finance.invoiced_beyond_delivery",
        """
        select v.delivery_note, concat('invoiced ', sum(i.amount_minor), ', delivered ', d.value_minor)
        from finance.vouchers v join finance.invoices i on i.voucher = v.number
        join finance.deliveries d on d.order_id = v.order_id and d.note = v.delivery_note
        group by v.order_id, v.delivery_note, d.value_minor having sum(i.amount_minor) > d.value_minor
        """,
    ),
    Invariant(
        "finance.reversal_differs",
        """
        select r.number, concat('takes back ', -r.receivable_minor, ' of ', v.receivable_minor)
        from finance.vouchers r join finance.vouchers v on v.number = r.reverses
        where (r.receivable_minor, r.revenue_minor, r.output_tax_minor, r.order_id)
            <> (-v.receivable_minor, -v.revenue_minor, -v.output_tax_minor, v.order_id)
        """,
    ),
    Invariant(
        "finance.invoice_differs",
        """
        select i.number, concat('invoice of ', i.amount_minor, ' with tax ', i.tax_minor, ', voucher of ',
            v.receivable_minor, ' with tax ', v.output_tax_minor)
        from finance.invoices i join finance.vouchers v on v.number = i.voucher
        where (i.amount_minor, i.tax_minor, i.currency, i.order_id)
            <> (v.receivable_minor, v.output_tax_minor, v.currency, v.order_id)
        """,
    ),
    Invariant(
        "finance.settled_open",
        """
        select r.order_id::text, concat('owed ', r.due_minor, ', received ', r.received_minor, ', invoice ', i.number)
        from finance.receivables r
        left join lateral (
            select min(number) as number from finance.invoices
            where order_id = r.order_id and corrects is null and corrected_at is null
        ) i on true
        where r.settled_at is not null and (r.received_minor < r.due_minor or i.number is null)
        """,
    ),
    Invariant(
        "finance.negative_balance",
        """
        select customer, concat('exposure ', exposure_minor) from finance.accounts where exposure_minor < 0
        union all
        select order_id::text, concat('hold ', open_minor) from finance.credit_holds where open_minor < 0
        union all
        select order_id::text, concat('owed ', due_minor, ', received ', received_minor)
        from finance.receivables where due_minor < 0 or received_minor < 0
        """,
    ),
)
"""Each row of a query is one breach: the subject, and what is wrong with it."""
