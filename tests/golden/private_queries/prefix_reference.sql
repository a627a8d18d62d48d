with rows_used as (select cast("station"."size" as integer) * 3 + case when "custody"."hours" is null then null when "custody"."hours" < 12 then 0 when "custody"."hours" < 24 then 1 else 2 end as cell from "custody" left join "station" as "station" on "station"."station_id" = "custody"."station_id" where "custody"."rank" <= 5),
cells as (select cell, count(*) as rows_here from rows_used group by cell),
weighted as (select cell, cast(rows_here as hugeint) * 1 as "rows" from cells)
select cell, cast(case when "rows" < -4611686018427387904 then -4611686018427387904 when "rows" > 4611686018427387904 then 4611686018427387904 else "rows" end as bigint) as "rows" from weighted where cell is not null
